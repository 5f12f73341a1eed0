//! What a real API server says.
//!
//! The objects are created, in a dry run with strict validation, and not applied on the server's side: `create` is the answer
//! about the object alone. Server-side apply compares with what exists, and gives up at the first field that its schema does not
//! have, without a list of causes; what it alone refuses (items with the same key in lists whose validation takes them) FIT-SCH004
//! reports as a warning.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::mutants::Mutant;

/// `kubectl proxy` holds the certificates, so the tests speak plain HTTP with it.
pub(super) struct Server {
    proxy: Child,
    port: u16,
    /// The plural and whether it is namespaced, by API version and kind.
    kinds: HashMap<(String, String), (String, bool)>,
}

/// What is wrong, and where if it says so.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) field: Option<String>,
    pub(super) message: String,
}

/// Its answer: `None` if it takes the object.
pub(super) type Answer = Option<Vec<Cause>>;

pub(super) struct Connection<'s> {
    server: &'s Server,
    stream: BufReader<TcpStream>,
}

impl Server {
    pub(super) fn at(state: &Path) -> Server {
        let mut proxy = Command::new("kubectl")
            .args(["proxy", "--port=0"])
            .env("KUBECONFIG", state.join("admin.kubeconfig"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        let mut server = Server {
            proxy,
            port,
            kinds: HashMap::new(),
        };
        server.kinds = server.connect().kinds();
        server
    }

    pub(super) fn connect(&self) -> Connection<'_> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection {
            server: self,
            stream: BufReader::new(stream),
        }
    }

    pub(super) fn serves(&self, mutant: &Mutant) -> bool {
        let key = (mutant.api_version.clone(), mutant.kind.clone());
        self.kinds.contains_key(&key)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

impl Connection<'_> {
    fn kinds(&mut self) -> HashMap<(String, String), (String, bool)> {
        let mut versions = vec![("v1".to_owned(), "/api/v1".to_owned())];
        for group in self.get("/apis")["groups"].as_array().unwrap() {
            for version in group["versions"].as_array().unwrap() {
                let version = version["groupVersion"].as_str().unwrap();
                versions.push((version.to_owned(), format!("/apis/{version}")));
            }
        }
        let mut kinds = HashMap::new();
        for (version, path) in versions {
            for resource in self.get(&path)["resources"].as_array().unwrap() {
                let name = resource["name"].as_str().unwrap();
                let kind = resource["kind"].as_str().unwrap();
                if !name.contains('/') {
                    let is_namespaced = resource["namespaced"] == true;
                    let place = (format!("{path}\n{name}"), is_namespaced);
                    kinds.insert((version.clone(), kind.to_owned()), place);
                }
            }
        }
        kinds
    }

    fn get(&mut self, path: &str) -> Value {
        let (code, body) = self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(code, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Creates an object of a kind that is served, without keeping it.
    pub(super) fn create(&mut self, mutant: &Mutant) -> Answer {
        let key = (mutant.api_version.clone(), mutant.kind.clone());
        let (place, is_namespaced) = &self.server.kinds[&key];
        let (group, plural) = place.split_once('\n').unwrap();
        let namespace = mutant.namespace.as_deref().unwrap_or("default");
        let is_plain = namespace
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if !is_plain && *is_namespaced {
            let message = "the namespace cannot be in a path".to_owned();
            return Some(vec![Cause {
                field: Some("metadata.namespace".to_owned()),
                message,
            }]);
        }
        let path = match is_namespaced {
            true => format!("{group}/namespaces/{namespace}/{plural}"),
            false => format!("{group}/{plural}"),
        };
        let (code, body) = self.send(&format!(
            "POST {path}?dryRun=All&fieldValidation=Strict HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            mutant.text.len(),
            mutant.text
        ));
        match code {
            200..300 => None,
            _ => Some(causes(&body)),
        }
    }

    fn send(&mut self, request: &str) -> (u16, String) {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let code = line
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{line:?} for {request}"));
        let code = code.parse().unwrap();
        let (mut length, mut is_chunked) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(text) = header.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            is_chunked |= header == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if is_chunked {
            loop {
                line.clear();
                self.stream.read_line(&mut line).unwrap();
                let length = usize::from_str_radix(line.trim(), 16).unwrap();
                let start = body.len();
                body.resize(start + length, 0);
                self.stream.read_exact(&mut body[start..]).unwrap();
                line.clear();
                self.stream.read_line(&mut line).unwrap();
                if length == 0 {
                    break;
                }
            }
        } else {
            body.resize(length, 0);
            self.stream.read_exact(&mut body).unwrap();
        }
        (code, String::from_utf8(body).unwrap())
    }
}

/// The causes of a status.
fn causes(body: &str) -> Vec<Cause> {
    let status: Value = serde_json::from_str(body).unwrap_or_default();
    let message = status["message"].as_str().unwrap_or(body).to_owned();
    let listed = status["details"]["causes"].as_array().into_iter().flatten();
    let listed: Vec<Cause> = listed
        .map(|cause| {
            let text = |key: &str| cause[key].as_str().unwrap_or_default().to_owned();
            Cause {
                // `<nil>` is an object as a whole.
                field: Some(text("field")).filter(|it| !it.is_empty() && it != "<nil>"),
                message: text("message"),
            }
        })
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    static STRICT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(unknown field|duplicate field) "([^"]*)""#).unwrap());
    static DECODER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"Go struct field [A-Za-z0-9]+\.(\S+) of type").unwrap());
    let strict: Vec<Cause> = STRICT
        .captures_iter(&message)
        .map(|found| Cause {
            field: Some(found[2].to_owned()),
            message: found[1].to_owned(),
        })
        .collect();
    if !strict.is_empty() {
        return strict;
    }
    let field = DECODER.captures(&message).map(|found| found[1].to_owned());
    vec![Cause { field, message }]
}
