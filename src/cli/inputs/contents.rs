//! What one file contains.

use std::io::Read;
use std::path::Path;

use fitout::not_yaml;
use fitout::problem::{Place, Problem};
use fitout::read::{Origin, Resource, is_object};
use fitout::report::FileReason;
use fitout::yaml::{Fault, Node, Stream, SyntaxError};
use memchr::memmem;

use super::super::files::{File, Reader, is_endless, is_stream};
use super::super::output::is_closed;
use super::super::tree::is_kustomization;
use super::{shown, templates};

/// What a file contains.
pub(super) enum Contents {
    /// Nothing that is accounted for apart from its folder.
    OfFolder,
    /// No objects to read.
    PassedOver(FileReason),
    /// Objects, and the indices of its other documents.
    Objects {
        stream: Box<Stream>,
        others: Vec<usize>,
        /// Whether it was standard input, or read like it.
        is_stream: bool,
    },
}

impl Contents {
    /// Reads one file, unless its bytes are known. `role` is what it is if it holds no whole objects.
    pub(super) fn read(
        file: &File,
        bytes: Option<Vec<u8>>,
        role: Option<FileReason>,
        reader: Reader,
    ) -> Result<Contents, Problem> {
        let path = &file.path;
        let name = &*shown(path);
        let is_stream = is_stream(path);
        let bytes = match (bytes, path == Path::new("-")) {
            (Some(bytes), _) => Ok(bytes),
            (_, true) => read_stdin(),
            _ if is_stdin(path) && is_closed(std::io::stdin()) => Err(closed()),
            _ if is_stream && is_endless(path) => Err(std::io::Error::other("it is a device")),
            _ => std::fs::read(path),
        };
        let bytes = bytes
            .map_err(|error| Problem::new("FIT-INP001", format!("cannot read {name}: {error}")))?;
        let stream = match Stream::from_bytes_or_text(bytes) {
            Ok(stream) => stream,
            Err((error, text)) if file.is_in_whole && !templates::may_be_read(&error, &text) => {
                return Ok(Contents::OfFolder);
            }
            Err((error, text)) if !may_have_objects(&error, &text) => {
                return Ok(Contents::PassedOver(FileReason::NoObjects));
            }
            Err((error, text)) => return Err(not_yaml(&error, Some((name, &text)))),
        };
        if file.is_in_whole && templates::are_all(&stream) && !has_whole_pods(&stream) {
            return Ok(Contents::OfFolder);
        }
        // The files of a chart that are read have such names next to pods, and kubectl reads both.
        if let Some(node) = action_in(&stream).filter(|_| !file.is_in_whole) {
            let problem =
                Problem::new("FIT-INP010", "`{{` is an action of a template, not a value");
            return Err(problem
                .at(Place::of(node, Some(name)))
                .help(fitout::UNRENDERED));
        }
        let documents = stream.documents().filter(|document| !document.is_empty());
        let documents = documents.map(|document| is_object(document.root()));
        let are_objects: Vec<bool> = documents.collect();
        let is_empty_stream = is_stream && are_objects.is_empty();
        if !are_objects.contains(&true) && !is_empty_stream {
            if file.is_in_whole {
                return Ok(Contents::OfFolder);
            }
            let is_package = path.file_name().is_some_and(is_kustomization);
            return Ok(Contents::PassedOver(role.unwrap_or(match is_package {
                true => FileReason::Package,
                false => FileReason::NoObjects,
            })));
        }
        // To kustomize it is a patch, but to `kubectl apply -R -f` it is what it contains.
        let is_applied = || reader != Reader::Editor && has_whole_pods(&stream);
        if let Some(reason) = role.filter(|_| !is_applied()) {
            return Ok(Contents::PassedOver(reason));
        }
        let others = are_objects.into_iter().enumerate();
        let others = others.filter(|(_, it)| !it).map(|(index, _)| index);
        let others = others.collect();
        Ok(Contents::Objects {
            stream: Box::new(stream),
            others,
            is_stream,
        })
    }
}

/// An action of a Go template in the name of an object, where it is a string like any other to YAML.
fn action_in(stream: &Stream) -> Option<Node<'_>> {
    memmem::find(stream.text().as_bytes(), b"{{")?;
    let roots = stream.documents().map(|document| document.root());
    let mut objects = roots.filter(|root| is_object(*root));
    objects.find_map(action_in_name)
}

/// An action of a Go template in the names of an object, which the API server would refuse with it.
fn action_in_name(object: Node<'_>) -> Option<Node<'_>> {
    const NAMES: [&[&str]; 4] = [
        &["kind"],
        &["apiVersion"],
        &["metadata", "name"],
        &["metadata", "namespace"],
    ];
    let names = NAMES.iter();
    let mut names = names.filter_map(|path| object.at(path.iter().copied()));
    names.find(|node| node.text().is_some_and(|text| text.contains("{{")))
}

/// Whether a text has an object with pods that the API server would accept without a patch.
pub(super) fn has_whole_pods(stream: &Stream) -> bool {
    let mut resources = Vec::new();
    let roots = stream.documents().map(|document| document.root());
    let objects = roots.filter(|root| is_object(*root) && action_in_name(*root).is_none());
    for root in objects {
        // What cannot be read here is reported when it is read again.
        if Resource::read(root, 0, Origin::default(), &mut resources).is_err() {
            return true;
        }
    }
    resources.iter().any(fitout::objects::is_whole)
}

/// Whether a text that is refused could have objects. Kubernetes does not read the files of other tools, so only their
/// syntax matters.
pub(super) fn may_have_objects(error: &SyntaxError, text: &str) -> bool {
    let is_about_keys = [Fault::DuplicateKey, Fault::Disputed].contains(&error.fault);
    let stream = is_about_keys.then(|| Stream::parse_any_keys(text));
    stream.and_then(Result::ok).is_none_or(|stream| {
        let mut documents = stream.documents();
        documents.any(|document| is_object(document.root()))
    })
}

/// Whether a path is another name of standard input.
fn is_stdin(path: &Path) -> bool {
    let names = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];
    names.iter().any(|name| path == Path::new(name))
}

fn closed() -> std::io::Error {
    std::io::Error::other("it is closed")
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    if is_closed(std::io::stdin()) {
        return Err(closed());
    }
    // The size of a redirected file is known, which saves reallocations.
    let size = std::fs::metadata("/dev/stdin").map_or(0, |it| it.len());
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}
