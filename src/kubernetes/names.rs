//! The names and other texts that the API server accepts, as in apimachinery, `pkg/util/validation/validation.go` and
//! `pkg/api/validate/content`.

/// A format of texts.
#[derive(Debug)]
pub struct Format {
    /// Its name in `schema/values.txt`.
    pub name: &'static str,
    /// What it accepts, after "is not".
    pub words: &'static str,
    /// Whether it accepts a text.
    pub accepts: fn(&str) -> bool,
}

const fn format(name: &'static str, accepts: fn(&str) -> bool, words: &'static str) -> Format {
    Format {
        name,
        words,
        accepts,
    }
}

/// Every format.
pub const FORMATS: &[Format] = &[
    format(
        "label",
        is_label,
        "a label of DNS: lower-case letters, digits and `-`, at most 63 characters",
    ),
    format(
        "subdomain",
        is_subdomain,
        "a name of DNS: lower-case letters, digits, `-` and `.`, at most 253 characters",
    ),
    format(
        "label-1035",
        |it| is_label(it) && !it.starts_with(|c: char| c.is_ascii_digit()),
        "a label of DNS that begins with a letter: lower-case letters, digits and `-`, at most 63 characters",
    ),
    format(
        "subdomain_",
        |it| {
            it.len() <= 253
                && it
                    .split('.')
                    .all(|part| is_label_part(part.strip_prefix('_').unwrap_or(part), b"_"))
        },
        "a name of DNS: lower-case letters, digits, `-`, `_` and `.`",
    ),
    format(
        "wildcard",
        |it| it.len() <= 253 && it.strip_prefix("*.").is_some_and(is_subdomain),
        "a wildcard such as `*.example.com`",
    ),
    format(
        "key",
        is_qualified_name,
        "a key such as `example.com/name`: letters, digits, `-`, `_` and `.`, at most 63 characters after the prefix",
    ),
    format(
        "lower-key",
        |it| is_qualified_name(&it.to_lowercase()),
        "a key such as `example.com/name`: letters, digits, `-`, `_` and `.`, at most 63 characters after the prefix",
    ),
    format(
        "prefixed-key",
        |it| it.contains('/') && is_qualified_name(it),
        "a key with a prefix such as `example.com/name`",
    ),
    format(
        "label-value",
        is_label_value,
        "the value of a label: letters, digits, `-`, `_` and `.`, at most 63 characters, with a letter or digit at both ends",
    ),
    format(
        "resource",
        |it| is_qualified_name(it) && (it.contains('/') || is_standard_resource(it)),
        "a resource such as `cpu`, `requests.cpu` or `example.com/gpu`",
    ),
    format(
        "limit-type",
        |it| {
            matches!(it, "Pod" | "Container" | "PersistentVolumeClaim")
                || is_qualified_name(it) && it.contains('/')
        },
        "`Pod`, `Container`, `PersistentVolumeClaim` or a key with a prefix",
    ),
    format(
        "port-name",
        is_port_name,
        "the name of a port: lower-case letters, digits and single `-`, at most 15 characters",
    ),
    format(
        "path-segment",
        |it| !matches!(it, "." | "..") && !it.contains(['/', '%']),
        "a name without `/` and `%`",
    ),
    format(
        "absolute-path",
        |it| it.starts_with('/'),
        "a path that begins with `/`",
    ),
    format(
        "inner-path",
        |it| !it.starts_with('/') && has_no_backsteps(it),
        "a relative path without `..`",
    ),
    format(
        "file-path",
        |it| !it.starts_with('/') && has_no_backsteps(it) && !it.starts_with(".."),
        "a relative path that does not begin with `..`",
    ),
    format("no-backsteps", has_no_backsteps, "a path without `..`"),
    format(
        "config-key",
        |it| it.len() <= 253 && !it.is_empty() && it.bytes().all(is_name_byte) && !is_above(it),
        "a key of letters, digits, `-`, `_` and `.` that does not begin with `..`",
    ),
    format(
        "env-name",
        |it| !it.is_empty() && it.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'='),
        "the name of a variable: printable ASCII characters without `=`",
    ),
    format(
        "old-env-name",
        |it| {
            !it.is_empty()
                && it.bytes().all(is_name_byte)
                && !it.starts_with(|c: char| c.is_ascii_digit())
                && !is_above(it)
        },
        "the name of a variable: letters, digits, `-`, `_` and `.`, not beginning with a digit",
    ),
    format(
        "c-identifier",
        |it| {
            !it.is_empty()
                && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
                && !it.starts_with(|c: char| c.is_ascii_digit())
        },
        "an identifier of letters, digits and `_`",
    ),
    format(
        "header-name",
        |it| !it.is_empty() && it.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'),
        "the name of a header: letters, digits and `-`",
    ),
    format(
        "percent",
        |it| {
            it.strip_suffix('%')
                .is_some_and(|it| !it.is_empty() && it.bytes().all(|c| c.is_ascii_digit()))
        },
        "a percentage such as `25%`",
    ),
    format("ip", is_ip, "an IP address"),
    format(
        "cidr",
        |it| {
            it.split_once('/').is_some_and(|(ip, bits)| {
                let most = if ip.contains(':') { 128 } else { 32 };
                is_ip(ip)
                    && bits.bytes().all(|c| c.is_ascii_digit())
                    && bits.parse::<u16>().is_ok_and(|it| it <= most)
            })
        },
        "a range of addresses such as `10.0.0.0/8`",
    ),
    format(
        "sysctl",
        is_sysctl,
        "the name of a sysctl such as `net.core.somaxconn`",
    ),
    format("cron", is_cron, "a schedule such as `30 2 * * *`"),
    format(
        "csi-name",
        |it| it.len() <= 63 && is_subdomain(&it.to_lowercase()),
        "the name of a CSI driver: letters, digits, `-` and `.`, at most 63 characters",
    ),
    format(
        "fqdn",
        |it| {
            let it = it.strip_suffix('.').unwrap_or(it);
            it.len() <= 253 && it.contains('.') && it.split('.').all(is_label)
        },
        "a domain such as `example.com`",
    ),
];

/// A format by its name.
#[must_use]
pub fn format_of(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|it| it.name == name)
}

/// Whether quotas and limits know a resource without a prefix: `standardResources` in `pkg/apis/core/helper`.
fn is_standard_resource(name: &str) -> bool {
    let of_pods = name
        .strip_prefix("requests.")
        .or_else(|| name.strip_prefix("limits."))
        .unwrap_or(name);
    matches!(of_pods, "cpu" | "memory" | "ephemeral-storage")
        || of_pods.starts_with("hugepages-") && !name.starts_with("limits.")
        || matches!(
            name,
            "storage"
                | "requests.storage"
                | "pods"
                | "resourcequotas"
                | "services"
                | "services.nodeports"
                | "services.loadbalancers"
                | "replicationcontrollers"
                | "secrets"
                | "configmaps"
                | "persistentvolumeclaims"
        )
}

impl Format {
    /// A text nearly the same that it accepts.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let lower = text.to_lowercase();
        let replaced = |text: &str, by: char, is_kept: &dyn Fn(char) -> bool| {
            let chars = text.chars().map(|c| if is_kept(c) { c } else { by });
            let mut name: String = chars.collect();
            while name.contains("--") {
                name = name.replace("--", "-");
            }
            name.trim_matches(|c: char| !c.is_ascii_alphanumeric())
                .to_owned()
        };
        let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
        let candidates = [
            text.to_owned(),
            lower.clone(),
            replaced(&lower, '-', &|c| is_alphanumeric(c) || c == '.'),
            replaced(&lower, '-', &is_alphanumeric),
            replaced(text, '-', &|c| is_alphanumeric(c) || matches!(c, '_' | '.')),
            replaced(text, '_', &|c| is_alphanumeric(c) || c == '_'),
            format!("/{text}"),
            text.trim_start_matches('/').to_owned(),
            format!("{text}%"),
        ];
        candidates.into_iter().find(|it| (self.accepts)(it))
    }
}

/// Whether a name is a label: at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
/// (`IsDNS1123Label`).
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// Whether a name is a subdomain: labels of any length joined with dots, at most 253 characters (`IsDNS1123Subdomain`).
/// Names of most objects, such as StorageClasses, are subdomains.
pub fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_part)
}

/// Whether a text is a label apart from its length.
fn is_part(part: &str) -> bool {
    is_label_part(part, b"")
}

fn is_label_part(part: &str, others: &[u8]) -> bool {
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || others.contains(&byte)
    };
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    part.bytes().all(is_inner) && is_edge(bytes.first()) && is_edge(bytes.last())
}

/// A key of a label, with or without a prefix (`IsLabelKey`).
fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    value.len() <= 63
        && value.bytes().all(is_name_byte)
        && is_edge(bytes.first())
        && is_edge(bytes.last())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether a text is a name of a port (`IsValidPortName`).
pub(super) fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && is_part(name)
        && name.bytes().any(|c| c.is_ascii_lowercase())
        && !name.contains("--")
}

/// Whether a path begins as one that leaves its folder, also `..data`, which the kubelet uses itself.
fn is_above(path: &str) -> bool {
    path == "." || path.starts_with("..")
}

fn has_no_backsteps(path: &str) -> bool {
    path.split('/').all(|part| part != "..")
}

/// Zeros before digits are accepted, as in `netutils.ParseIPSloppy`.
fn is_ip(text: &str) -> bool {
    let is_octet = |it: &str| {
        !it.is_empty()
            && it.bytes().all(|c| c.is_ascii_digit())
            && it.parse::<u16>().is_ok_and(|it| it < 256)
    };
    let is_old = |it: &str| it.split('.').count() == 4 && it.split('.').all(is_octet);
    if !text.contains(':') {
        return is_old(text);
    }
    let is_group =
        |it: &str| matches!(it.len(), 1..=4) && it.bytes().all(|c| c.is_ascii_hexdigit());
    // The last two groups can be written as an old address.
    let (text, old) = match text.rsplit_once(':') {
        Some((_, last)) if is_old(last) => (&text[..text.len() - last.len()], 2),
        _ => (text, 0),
    };
    let text = match text
        .strip_suffix(':')
        .filter(|it| old > 0 && !it.ends_with(':'))
    {
        Some(text) => text,
        None => text,
    };
    let groups = |side: &str| match side.is_empty() {
        true => Some(0),
        false => side
            .split(':')
            .all(is_group)
            .then(|| side.split(':').count()),
    };
    match text.split_once("::") {
        Some((left, right)) => match (groups(left), groups(right)) {
            (Some(left), Some(right)) => left + right + old < 8,
            _ => false,
        },
        None => groups(text).is_some_and(|it| it + old == 8),
    }
}

/// `IsValidSysctlName`.
fn is_sysctl(name: &str) -> bool {
    name.len() <= 253 && name.split(['.', '/']).all(|part| is_label_part(part, b"_"))
}

/// What `cron.ParseStandard` accepts.
fn is_cron(text: &str) -> bool {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    const DAYS: &str = "sun mon tue wed thu fri sat";
    let text = match text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="))
    {
        Some(rest) => match rest.split_once(' ') {
            Some((_, rest)) => rest.trim(),
            None => return false,
        },
        None => text,
    };
    if let Some(name) = text.strip_prefix('@') {
        let is_known = [
            "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
        ]
        .contains(&name);
        let every = name.strip_prefix("every ");
        return is_known || every.is_some_and(is_go_duration);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let bounds: [(u32, u32, &str); 5] = [
        (0, 59, ""),
        (0, 23, ""),
        (1, 31, ""),
        (1, 12, MONTHS),
        (0, 6, DAYS),
    ];
    let number = |text: &str, (least, _, names): (u32, u32, &str)| {
        let named = names
            .split(' ')
            .position(|it| it.eq_ignore_ascii_case(text));
        let named = named.filter(|_| !text.is_empty());
        let named = named.and_then(|at| u32::try_from(at).ok());
        named.map(|it| it + least).or_else(|| text.parse().ok())
    };
    let is_range = |text: &str, bound: (u32, u32, &str)| {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        if step.is_some_and(|it| !it.parse::<u32>().is_ok_and(|it| it > 0)) {
            return false;
        }
        if matches!(range, "*" | "?") {
            return true;
        }
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        match (number(from, bound), number(to, bound)) {
            (Some(from), Some(to)) => bound.0 <= from && from <= to && to <= bound.1,
            _ => false,
        }
    };
    fields.len() == 5
        && fields.iter().zip(bounds).all(|(field, bound)| {
            // Empty parts of a list are ignored.
            let mut parts = field.split(',').filter(|it| !it.is_empty());
            parts.all(|part| is_range(part, bound))
        })
}

/// What Go's `time.ParseDuration` accepts.
fn is_go_duration(text: &str) -> bool {
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if after.len() == rest.len() {
            return false;
        }
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        match units.iter().find_map(|unit| after.strip_prefix(unit)) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{format_of, is_label, is_subdomain};

    #[test]
    fn a_subdomain_has_parts_of_any_length() {
        let long = "a".repeat(64);
        assert!(is_subdomain(&long) && !is_label(&long));
        assert!(is_subdomain("fast.example.com") && !is_label("fast.example.com"));
        for name in ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a b"] {
            assert!(!is_subdomain(name) && !is_label(name), "{name}");
        }
    }

    /// The examples of upstream's tests: `validation_test.go` in apimachinery and kubernetes, `parser_test.go` in robfig/cron.
    #[test]
    fn formats_accept_what_upstream_accepts() {
        let long = "a".repeat(64);
        let rows: &[(&str, &[&str], &[&str])] = &[
            (
                "label",
                &[
                    "a",
                    "ab",
                    "abc",
                    "a1",
                    "a-1",
                    "a--1--2--b",
                    "0",
                    "01",
                    "1-a",
                ],
                &[
                    "",
                    "A",
                    "aBc",
                    "-",
                    "a-",
                    "-a",
                    "_",
                    "a_",
                    "a.b",
                    "a b",
                    " a",
                    "1 ",
                    "a\u{20ac}",
                    &long,
                ],
            ),
            (
                "label-1035",
                &["a", "a1", "a-1", "a--1--2--b"],
                &["", "0", "01", "0a", "A1", "-a", "a-", "a_b", &long],
            ),
            (
                "subdomain",
                &["a", "a.a", "a.1", "0.a", "01.1", "1-1.a--1", "a.b.c.d.e.f"],
                &["", "A.a", "a..b", ".a", "a.", "a-.b", "a_b", "*.a"],
            ),
            (
                "subdomain_",
                &["a", "_a", "my_a", "_sip._tcp.a"],
                &["", "a_.b", "A", "__a", "a..b"],
            ),
            (
                "wildcard",
                &["*.example.com", "*.a"],
                &["*", "*.", "*.A", "*.*.a", "a.*"],
            ),
            (
                "key",
                &[
                    "simple",
                    "now-with-dashes",
                    "1-starts-with-num",
                    "UppercaseIsOK",
                    "a.b/c_d",
                    "example.com/Under_Score",
                ],
                &[
                    "",
                    "nospecialchars%^=@",
                    "/name",
                    "a/",
                    "a/b/c",
                    "-a",
                    "a-",
                    ".a",
                    "Prefix/a",
                    &long,
                ],
            ),
            (
                "lower-key",
                &["example.com/A", "Example.com/a"],
                &["a/b/c", "a b"],
            ),
            (
                "prefixed-key",
                &["acme.io/foo"],
                &["foo", "/foo", "acme.io/"],
            ),
            (
                "resource",
                &[
                    "cpu",
                    "limits.memory",
                    "requests.hugepages-2Mi",
                    "pods",
                    "a.b/c",
                ],
                &["cpus", "limits.storage", "limits.hugepages-2Mi", "a b/c"],
            ),
            (
                "limit-type",
                &["Pod", "Container", "PersistentVolumeClaim", "a.b/Type"],
                &["pod", "", "a b"],
            ),
            (
                "label-value",
                &["", "simple", "1234", "a.b_c-D"],
                &["-a", "a-", "a b", "a/b", "a,b", &long],
            ),
            (
                "port-name",
                &[
                    "telnet",
                    "re-mail-ck",
                    "pop3",
                    "a",
                    "a-1",
                    "1-a",
                    "15-characters-a",
                ],
                &[
                    "",
                    "longerthan15chars",
                    "12345",
                    "1-2-3-4",
                    "-begin",
                    "end-",
                    "two--hyphens",
                    "CAPS",
                    "under_score",
                ],
            ),
            (
                "path-segment",
                &["", "-", "a:b", "A b", "..a"],
                &[".", "..", "a/b", "a%"],
            ),
            ("absolute-path", &["/", "/a"], &["", "a"]),
            (
                "inner-path",
                &["a/b", "..a/b", "", "a..b"],
                &["/a", "..", "a/..", "a/../b"],
            ),
            (
                "file-path",
                &["a/b", "a/..b"],
                &["/a", "..", "..a", "a/../b"],
            ),
            ("no-backsteps", &["/a", "a..b"], &["/a/../b", ".."]),
            (
                "config-key",
                &[
                    "a",
                    "good",
                    "good-good",
                    "still.good",
                    "this.is.also.good",
                    ".so.is.this",
                    "THIS_IS_GOOD",
                    "17",
                ],
                &["", ".", "..", "..bad", "b*d", "bad!&bad"],
            ),
            (
                "env-name",
                &["a b", "1A", "A.b-c_d", "!"],
                &["", "a=b", "\u{20ac}", "a\tb"],
            ),
            (
                "old-env-name",
                &["A_B.c-d", "_1"],
                &["", "1A", "a b", "..", ".", "..a"],
            ),
            (
                "c-identifier",
                &["a", "_1", "A_b"],
                &["", "1", "1a", "a-b", "a.b"],
            ),
            (
                "header-name",
                &["Accept-Encoding", "Host", "X-Requested-With", "123"],
                &["", "Accept_Encoding", "A:B", "a b", "@Host"],
            ),
            (
                "percent",
                &["0%", "1%", "100%"],
                &["", "%", "1", "-1%", "1%%", "1 %", "a%"],
            ),
            (
                "ip",
                &[
                    "1.2.3.4",
                    "0.0.0.0",
                    "1.2.3.004",
                    "::1",
                    "2a00:79e0:2:0:f1c3:e797:93c1:df80",
                    "::ffff:1.2.3.4",
                    "::",
                    "1::",
                    "1:2:3:4:5:6:1.2.3.4",
                    "1:2:3:4:5:6:7:8",
                ],
                &[
                    "",
                    "example.com",
                    "1.2.3",
                    "1.2.3.4.5",
                    "256.1.1.1",
                    "1.2.3.4/24",
                    "[::1]",
                    "::1%eth0",
                    "-1.2.3.4",
                    ":",
                    ":1",
                    "1:",
                    "1:2:3:4:5:6:7",
                    "1::2::3",
                    "12345::",
                    "1:2:3:4:5:6:7:8:9",
                    "::1.2.3",
                ],
            ),
            (
                "cidr",
                &["1.0.0.0/8", "1.2.3.4/24", "::/0", "2001:db8::/32"],
                &[
                    "",
                    "1.2.3.4",
                    "1.2.3.4/33",
                    "::/129",
                    "1.2.3.4/",
                    "1.2.3.4/+8",
                    "a/8",
                ],
            ),
            (
                "sysctl",
                &[
                    "a.b.c.d",
                    "a",
                    "a_b",
                    "a-b",
                    "abc",
                    "a/b/c/d",
                    "net/ipv4/conf/eno2.100/rp_filter",
                ],
                &["", "*", "ä", "a.", ".", "a..b", "a_", "_a", "a.B", "a/b/"],
            ),
            (
                "cron",
                &[
                    "* * * * *",
                    "* * * * ?",
                    "@every 1h30m",
                    "@daily",
                    "0 0 1 JAN sun",
                    "*/15 0-5,8 ? * 1-5",
                    "TZ=Europe/Paris 0 0 * * *",
                    "5/15 * * * *",
                    "1,,2 * * * *",
                ],
                &[
                    "",
                    "1",
                    "* * * *",
                    "* * * * * *",
                    "60 * * * *",
                    "* 24 * * *",
                    "* * 0 * *",
                    "* * * 13 *",
                    "* * * * 7",
                    "5-1 * * * *",
                    "*/0 * * * *",
                    "@never",
                    "@every 5",
                    "TZ=UTC",
                    "a * * * *",
                    "-1 * * * *",
                ],
            ),
            (
                "csi-name",
                &["test-driver", "test.Driver", "A"],
                &["", "test_driver", "-a", &long],
            ),
            (
                "fqdn",
                &["a.b", "a.b.", "foo.example.com"],
                &["", "a", "a..b", "A.b", "."],
            ),
        ];
        for (name, valid, invalid) in rows {
            let format = format_of(name).unwrap();
            for text in *valid {
                assert!((format.accepts)(text), "{name}: {text:?}");
            }
            for text in *invalid {
                assert!(!(format.accepts)(text), "{name}: {text:?}");
            }
        }
        assert_eq!(rows.len(), super::FORMATS.len());
    }

    #[test]
    fn a_near_name_is_accepted() {
        let near = |format: &str, text| format_of(format).unwrap().nearest(text);
        assert_eq!(near("label", "My_App."), Some("my-app".to_owned()));
        assert_eq!(near("port-name", "HTTP"), Some("http".to_owned()));
        assert_eq!(near("absolute-path", "data"), Some("/data".to_owned()));
        assert_eq!(near("file-path", "/data"), Some("data".to_owned()));
        assert_eq!(near("label-value", "a b"), Some("a-b".to_owned()));
        assert_eq!(near("percent", "25"), Some("25%".to_owned()));
        assert_eq!(near("ip", "localhost"), None);
    }
}
