#![allow(clippy::unwrap_used)]

use super::format_of;

/// The examples of upstream's tests: `validation_test.go` in apimachinery and kubernetes, `parser_test.go` in robfig/cron.
#[test]
fn formats_accept_what_upstream_accepts() {
    let long = "a".repeat(64);
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "label",
            &[
                "a", "ab", "abc", "a1", "a-1", "a--1--2--b", "0", "01", "1-a",
            ],
            &[
                "", "A", "aBc", "-", "a-", "-a", "_", "a_", "a.b", "a b", " a", "1 ", "a\u{20ac}",
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
            "search-domain",
            &["a", "_a", "my_a", "_sip._tcp.a", ".", "a.b."],
            &["a_.b", "A", "__a", "a..b"],
        ),
        ("external-name", &["a.b", "a.b."], &["A", "a..b"]),
        (
            "host",
            &["a.b", "*.example.com", "*.a"],
            &["*", "*.", "*.A", "*.*.a", "a.*", "10.0.0.1"],
        ),
        ("host-or-ip", &["10.0.0.1", "*.a"], &["*"]),
        ("three-part-name", &["a.b.c"], &["a.b", "A.b.c"]),
        ("domain", &["a.b"], &["a", "a."]),
        ("label-1035-of-any-case", &["Foo", "a1"], &["1a", "Foo_Bar"]),
        ("namespace-or-any", &["*", "a"], &["a.b", "A"]),
        (
            "priority-class",
            &["high", "system-cluster-critical"],
            &["system-high", "High"],
        ),
        (
            "key",
            &[
                "simple", "now-with-dashes", "1-starts-with-num", "UppercaseIsOK", "a.b/c_d",
                "example.com/Under_Score",
            ],
            &[
                "", "nospecialchars%^=@", "/name", "a/", "a/b/c", "-a", "a-", ".a", "Prefix/a",
                &long,
            ],
        ),
        (
            "lower-key",
            &["example.com/A", "Example.com/a"],
            &["a/b/c", "a b"],
        ),
        (
            "resource",
            &[
                "cpu", "limits.memory", "requests.hugepages-2Mi", "pods", "a.b/c",
            ],
            &["cpus", "limits.storage", "limits.hugepages-2Mi", "a b/c"],
        ),
        (
            "quota-resource",
            &["cpu", "requests.storage", "a.b/c", "hugepages-2Mi"],
            &["storage", "cpus"],
        ),
        (
            "container-resource",
            &["cpu", "hugepages-1Gi", "a.b/c"],
            &["storage", "pods", "Cpu"],
        ),
        ("storage-resource", &["storage"], &["cpu"]),
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
                "telnet", "re-mail-ck", "pop3", "a", "a-1", "1-a", "15-characters-a",
            ],
            &[
                "", "longerthan15chars", "12345", "1-2-3-4", "-begin", "end-", "two--hyphens",
                "CAPS", "under_score",
            ],
        ),
        (
            "path-segment",
            &["", "-", "a:b", "A b", "..a"],
            &[".", "..", "a/b", "a%"],
        ),
        ("absolute-path", &["/", "/a"], &["", "a"]),
        (
            "clean-path",
            &["/a/b", "/..a"],
            &["/a//b", "/a/../b", "/a/..", "/a/./b", "/a%2fb"],
        ),
        (
            "domain-path",
            &["a.b/c", "a.b/c/d"],
            &["a.b", "a.b/", "A/b"],
        ),
        (
            "signer-name",
            &["a.b/c", "a.b/c.d"],
            &["a/b", "a.b/", "a.b/c/d", "a.b/C"],
        ),
        (
            "webhook-path",
            &["/", "/a/b", "/a/"],
            &["a", "//", "/a//b", "/A"],
        ),
        (
            "https-url",
            &["https://a/b", "https://a", "HTTPS://A"],
            &[
                "http://a", "https://", "https:///a", "https://u@a", "https://a?b", "a",
            ],
        ),
        ("url-path-pattern", &["*", "/a", "/a/*"], &["a", "/a//b"]),
        ("json-path", &[".spec.a"], &["spec.a", "{.a}"]),
        ("api-group", &["apps/v1"], &["v1", "/v1", ""]),
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
                "a", "good", "good-good", "still.good", "this.is.also.good", ".so.is.this",
                "THIS_IS_GOOD", "17",
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
            "field-of-env",
            &[
                "metadata.name", "metadata.labels['a.b/c']", "metadata.annotations['A/b']",
                "status.podIPs",
            ],
            &[
                "metadata.labels", "spec.nodename", "metadata.labels['a b']", "metadata.name['a']",
            ],
        ),
        (
            "field-of-volume",
            &[
                "metadata.labels", "metadata.annotations['a']", "metadata.uid",
            ],
            &["status.podIP", "metadata.labels['']"],
        ),
        (
            "field-of-amounts",
            &["limits.cpu", "requests.hugepages-2Mi"],
            &["cpu", "limits.storage", "requests.a.b/c"],
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
        ("percent-100", &["0%", "100%"], &["101%", "1"]),
        ("number", &[], &["http", "80"]),
        ("ipv4", &["1.2.3.4"], &["::1", "a"]),
        ("ipv6", &["::1"], &["1.2.3.4", "a"]),
        ("json", &["{}", " {\"a\": 1}\n"], &["", "[]", "a"]),
        ("finalizer", &["kubernetes", "a.b/c"], &["a", "a b/c"]),
        (
            "key-usage",
            &["client auth", "s/mime"],
            &["Client Auth", ""],
        ),
        (
            "not-net-sysctl",
            &["kernel.sem", "vm.max"],
            &["net.core.somaxconn", "net/ipv4/a"],
        ),
        (
            "not-ipc-sysctl",
            &["net.core.somaxconn"],
            &[
                "kernel.sem", "kernel.shmmax", "fs.mqueue.msg_max", "kernel/msgmax",
            ],
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
                "", "example.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", "[::1]",
                "::1%eth0", "-1.2.3.4", ":", ":1", "1:", "1:2:3:4:5:6:7", "1::2::3", "12345::",
                "1:2:3:4:5:6:7:8:9", "::1.2.3",
            ],
        ),
        (
            "cidr",
            &["1.0.0.0/8", "1.2.3.4/24", "::/0", "2001:db8::/32"],
            &[
                "", "1.2.3.4", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/+8", "a/8",
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
            "time-zone",
            &["Europe/Paris", "Etc/GMT+1", "UTC"],
            &["Local", "Bad!", "a/../b", "", "-a"],
        ),
        (
            "cron",
            &[
                "* * * * *", "* * * * ?", "@every 1h30m", "@daily", "0 0 1 JAN sun",
                "*/15 0-5,8 ? * 1-5", "TZ=Europe/Paris 0 0 * * *", "5/15 * * * *", "1,,2 * * * *",
            ],
            &[
                "", "1", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                "* * * 13 *", "* * * * 7", "5-1 * * * *", "*/0 * * * *", "@never", "@every 5",
                "TZ=UTC", "a * * * *", "-1 * * * *",
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
        (
            "endpoint-ip",
            &["10.0.0.1", "2001:db8::1"],
            &[
                "", "a", "127.0.0.1", "::1", "169.254.1.1", "fe80::1", "224.0.0.1", "0.0.0.0", "::",
            ],
        ),
        (
            "medium",
            &["Memory", "HugePages", "HugePages-2Mi"],
            &["memory", "HugePages-", "HugePages-x", "Disk"],
        ),
        (
            "indexes",
            &["0", "0,2-5", "1-3,7"],
            &["", "2,1", "3-3", "5-2", "1-3,2", "a", "1,"],
        ),
        (
            "psa-version",
            &["latest", "v1.30"],
            &["", "1.30", "v1", "v2.1", "v1.x"],
        ),
        (
            "pod-count",
            &["pods", "count/jobs.batch"],
            &["", "cpu", "requests.cpu"],
        ),
        (
            "quota-of-pods",
            &["pods", "cpu", "requests.memory", "limits.cpu", "count/pods"],
            &["services", "requests.storage", "limits.pods"],
        ),
        ("trimmed", &["", "a", "a b"], &[" a", "a ", "\t"]),
        (
            "ip-or-none",
            &["None", "10.0.0.1", "::1"],
            &["", "none", "a"],
        ),
        (
            "certificate-request",
            &[
                "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
                " LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNU",
            ],
            &["", "a", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"],
        ),
    ];
    for (name, valid, invalid) in rows {
        let format = format_of(name).unwrap();
        assert!(!format.words().is_empty(), "{name}");
        for text in *valid {
            assert!((format.accepts)(text), "{name}: {text:?}");
        }
        for text in *invalid {
            assert!(!(format.accepts)(text), "{name}: {text:?}");
        }
    }
    assert_eq!(rows.len(), super::FORMATS.len());
    let lines = super::rows::head().lines();
    assert_eq!(
        lines.filter(|it| it.starts_with("format ")).count(),
        rows.len()
    );
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
