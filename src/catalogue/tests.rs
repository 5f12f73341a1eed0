use super::*;
use crate::kubernetes::Glob;

#[test]
fn paths_are_compared_cleaned() {
    assert_eq!(clean("/tmp/").as_deref(), Some("/tmp"));
    assert_eq!(clean("//var//./run").as_deref(), Some("/var/run"));
    assert_eq!(clean("tmp"), None);
    assert_eq!(clean("/a/../b"), None);
    assert_eq!(clean("/"), None);
    for path in [
        "/var/run", "var/run", "./var//run/", "/var/lib/../run", "../var/run",
    ] {
        assert_eq!(mounted_at(path).as_deref(), Some("/var/run"), "{path}");
    }
    assert_eq!(mounted_at("/var/.."), None);
}

const FILE: &str = include_str!("images.yaml");

/// The built-in entries, in the order of the file.
fn built_in() -> impl Iterator<Item = &'static Entry> {
    let known = BuiltIn::get();
    (0..known.rows.len()).filter_map(|index| known.entry(index))
}

/// A line that cannot be decoded would be an entry without an image.
#[test]
fn every_line_is_an_entry_with_known_keys() {
    let is_row = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let lines: Vec<&str> = FILE.lines().filter(is_row).collect();
    assert!(lines.len() >= 200, "{}", lines.len());
    for line in &lines {
        assert!(line.starts_with(ROW) && line.ends_with('}'), "{line}");
        let entry: Result<Entry, _> = serde_yaml::from_str(&line[2..]);
        assert!(entry.is_ok(), "{entry:?}: {line}");
        let keys: HashMap<String, serde_yaml::Value> =
            serde_yaml::from_str(&line[2..]).unwrap_or_default();
        const KEYS: [&str; 16] = [
            "image", "tag", "runAsUser", "runAsGroup", "startsAsRoot", "anyUser", "writablePaths",
            "hides", "pathsAreComplete", "usesApi", "capabilities", "metricsPort", "metricsPath",
            "ownDirectory", "movedBy", "source",
        ];
        let unknown: Vec<_> = keys
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?} in {line}");
    }
    let all: Vec<Entry> = serde_yaml::from_str(FILE).unwrap_or_default();
    assert_eq!(all.len(), lines.len());
    assert_eq!(built_in().count(), lines.len());
}

#[test]
fn built_in_entries_are_valid() {
    for entry in built_in() {
        assert_eq!(entry.faults(), [], "{entry:?}");
        let needs_user = entry.any_user || entry.run_as_group.is_some();
        assert!(!needs_user || entry.run_as_user.is_some(), "{entry:?}");
        assert!(
            entry.metrics_path.is_none() || entry.metrics_port.is_some(),
            "{entry:?}"
        );
        assert!(
            !last_part(entry.image.as_str()).contains(['*', '?']),
            "{entry:?}"
        );
    }
}

/// `owner/repository@commit path path; owner/repository@commit path`
#[test]
fn every_entry_names_the_files_and_versions_that_it_comes_from() {
    for line in FILE.lines().filter(|line| line.starts_with(ROW)) {
        let entry: Entry = serde_yaml::from_str(&line[2..]).unwrap_or_default();
        for source in entry.source.as_deref().unwrap_or_default().split("; ") {
            let mut words = source.split(' ');
            let repository = words.next().unwrap_or_default();
            let (repository, commit) = repository.split_once('@').unwrap_or_default();
            let is_commit = commit.len() == 12 && commit.chars().all(|c| c.is_ascii_hexdigit());
            let is_repository = repository.split('/').count() == 2;
            let paths: Vec<&str> = words.collect();
            let is_path = |path: &&str| !path.is_empty() && !path.starts_with('/');
            let has_paths = !paths.is_empty() && paths.iter().all(is_path);
            assert!(is_commit && is_repository && has_paths, "{entry:?}");
        }
    }
}

#[test]
fn entries_are_sorted_by_repository_in_their_sections() {
    for section in FILE.split("\n## ").skip(1) {
        let rows = section.lines().filter_map(|line| line.strip_prefix(ROW));
        let images: Vec<&str> = rows.filter_map(|row| row.split(',').next()).collect();
        assert!(images.is_sorted(), "{section}");
    }
}

/// An entry is of use if an image with an example of its tags gets it, and not an earlier one.
#[test]
fn no_entry_is_hidden_by_an_earlier_one() {
    for (index, entry) in built_in().enumerate() {
        let image = entry.image.as_str().replace('*', "");
        let tag = entry.tag.as_ref().map_or("*", Glob::as_str);
        let tag = match tag.replace('*', "").replace('?', "1") {
            tag if tag.is_empty() => "1.2".to_owned(),
            tag => tag,
        };
        for image in [
            format!("{image}:{tag}"),
            format!("a.example/b/{image}:{tag}"),
        ] {
            let is_official = !entry.image.as_str().contains('/');
            if image.starts_with("a.example") && is_official {
                assert_eq!(Known::default().index_for(&[], &image), None, "{image}");
            } else {
                assert_eq!(
                    Known::default().index_for(&[], &image),
                    Some(index),
                    "{image}: {entry:?}"
                );
            }
        }
    }
}

#[test]
fn an_image_is_known_by_its_repository_and_variant() {
    let known = Known::default();
    let user = |image: &str| known.entry_for(&[], image).and_then(|it| it.run_as_user);
    assert_eq!(user("postgres:17"), Some(999));
    assert_eq!(user("docker.io/library/postgres:17-alpine"), Some(70));
    assert_eq!(user("localhost:5000/postgres"), Some(999));
    assert_eq!(user("postgres:17-alpine@sha256:abc"), Some(70));
    assert_eq!(user("postgres:18-alpine3.24"), Some(70));
    assert_eq!(user("bitnamilegacy/postgresql:16"), Some(1001));
    assert_eq!(user("influxdb:1.12"), Some(1500));
    assert_eq!(user("influxdb:2.7-alpine"), Some(1000));
    assert_eq!(user("influxdb:1.8"), None);
    assert_eq!(user("postgres@sha256:abc"), None);
    assert_eq!(user("registry.k8s.io/redis:v1"), None);
    assert_eq!(user("mirror.example/registry.k8s.io/redis:v1"), None);
    assert_eq!(
        user("registry.k8s.io/metrics-server/metrics-server:v0.8.0"),
        user("metrics-server/metrics-server")
    );
}

#[test]
fn mirrors_put_folders_in_front_of_the_repository() {
    let known = Known::default();
    let of = |image: &str| {
        let entry = known.entry_for(&[], image);
        entry.map(|entry| entry.image.as_str().to_owned())
    };
    for mirror in [
        "mysql",
        "library/mysql",
        "docker.io/mysql",
        "docker.io/library/mysql",
        "index.docker.io/library/mysql",
        "public.ecr.aws/docker/library/mysql",
        "mirror.gcr.io/library/mysql",
        "localhost:5000/mysql",
        "harbor.local/library/mysql",
        "harbor.local/dockerhub/library/mysql",
        "harbor.local/dockerhub/mysql",
        "harbor.local/cache/docker-hub/mysql",
        "registry.local:5000/docker_hub_proxy/mysql",
        "registry.local/docker.io/mysql",
        "registry.local/docker.io/library/mysql",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/mysql",
        "europe-docker.pkg.dev/project/remote/library/mysql",
    ] {
        for tag in ["", ":8.4", ":8.4@sha256:abc", "@sha256:abc"] {
            let image = format!("{mirror}{tag}");
            assert_eq!(of(&image).as_deref(), Some("mysql"), "{image}");
        }
    }
    for (mirror, image) in [
        ("quay.io/prometheus/prometheus:v3", "prometheus/prometheus"),
        (
            "harbor.local/quay/prometheus/prometheus:v3",
            "prometheus/prometheus",
        ),
        ("harbor.local/a/b/grafana/grafana:12", "grafana/grafana"),
        ("grafana/grafana", "grafana/grafana"),
        ("ghcr.io/dexidp/dex:v2", "dexidp/dex"),
        (
            "docker.elastic.co/elasticsearch/elasticsearch:9",
            "elasticsearch/elasticsearch",
        ),
        (
            "registry.k8s.io/sig-storage/csi-resizer:v2",
            "sig-storage/csi-resizer",
        ),
        ("registry.k8s.io/etcd:3.6", "etcd"),
        ("registry.k8s.io/coredns/coredns:v1.13", "coredns/coredns"),
        (
            "harbor.local/mirror/bitnamilegacy/mongodb:8",
            "bitnami*/mongodb",
        ),
    ] {
        assert_eq!(of(mirror).as_deref(), Some(image), "{mirror}");
    }
    // An image of someone else that has the name of an official one.
    for image in [
        "example.com/my/mysql:8.4", "my/mysql:8.4", "example.com/libraries/mysql", "mysqld",
        "grafana", "my-grafana/grafana",
    ] {
        assert_eq!(of(image), None, "{image}");
    }
}

#[test]
fn entries_of_the_config_come_first_and_match_mirrors() {
    let entry = |image: &str| Entry {
        image: Glob::from(image.to_owned()),
        run_as_user: Some(7),
        ..Entry::default()
    };
    let own = [entry("acme/*"), entry("postgres")];
    let user = |image: &str| {
        let known = Known::default();
        known.entry_for(&own, image).and_then(|it| it.run_as_user)
    };
    assert_eq!(user("acme/shop:1"), Some(7));
    assert_eq!(user("harbor.local/mirror/acme/shop:1"), Some(7));
    assert_eq!(user("postgres:17"), Some(7));
    assert_eq!(user("harbor.local/dockerhub/postgres:17"), Some(7));
    assert_eq!(user("mongo:8"), Some(999));
    assert_eq!(user("example.com/shop:1"), None);
}
