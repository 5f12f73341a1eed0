//! The names of images, as entries match them.

use super::Entry;
use crate::kubernetes::Glob;

/// The repository of an image without its registry, as entries have it.
pub fn repository(image: &str) -> &str {
    Image::of(image).repository
}

/// The image without its digest, and the digest.
pub fn without_digest(image: &str) -> (&str, Option<&str>) {
    let parts = image.split_once('@');
    parts.map_or((image, None), |(image, digest)| (image, Some(digest)))
}

/// The image without its tag, and the tag. The colon of a port is before a slash.
pub fn without_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// The last part of a repository, which its mirrors keep.
pub(super) fn last_part(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or(repository)
}

/// Registries in which an image without an owner is not that of Docker Hub with its name.
const OTHER_REGISTRIES: [&str; 3] = ["k8s.gcr.io", "mcr.microsoft.com", "registry.k8s.io"];

/// The images without an owner that the catalogue knows in them.
const THEIRS: [&str; 2] = ["coredns", "etcd"];

/// An image, read as `ParseNormalizedNamed` does (`reference/normalize.go` of distribution).
pub(super) struct Image<'i> {
    /// Its repository without its registry.
    pub(super) repository: &'i str,
    /// The registry or the folder that has it.
    owner: &'i str,
    tag: Option<&'i str>,
}

impl<'i> Image<'i> {
    pub(super) fn of(image: &'i str) -> Image<'i> {
        let (name, digest) = without_digest(image);
        let (path, tag) = without_tag(name);
        let tag = tag.or(digest.is_none().then_some("latest"));
        let repository = match path.split_once('/') {
            Some((first, rest)) if is_registry(first) => rest,
            _ => path,
        };
        let owner = path.rsplit_once('/').map_or("", |(owner, _)| owner);
        Image {
            repository,
            owner: last_part(owner),
            tag,
        }
    }

    /// Whether this has only the name in common with an official image of Docker Hub: `registry.k8s.io/redis`.
    pub(super) fn is_namesake(&self, entry: &Entry) -> bool {
        let official = entry.image.as_str();
        OTHER_REGISTRIES.contains(&self.owner)
            && !official.contains('/')
            && !THEIRS.contains(&official)
    }

    pub(super) fn is_of(&self, entry: &Entry) -> bool {
        let has_tag = |glob: &Glob| self.tag.is_some_and(|tag| glob.matches(tag));
        self.names().any(|name| entry.image.matches(name)) && entry.tag.as_ref().is_none_or(has_tag)
    }

    /// The repositories that this may be a mirror of, because mirrors put folders in front of the name: the repository
    /// itself, and the ends of it with an owner. An official image has no owner, so it is one where the folder in front of
    /// it is of Docker Hub: `library`, the address of a registry, or a name such as `dockerhub-cache`.
    fn names(&self) -> impl Iterator<Item = &'i str> {
        let repository = self.repository;
        let ends = repository.match_indices('/').filter_map(move |(slash, _)| {
            let (before, name) = (&repository[..slash], &repository[slash + 1..]);
            (name.contains('/') || is_docker_hub(last_part(before))).then_some(name)
        });
        std::iter::once(repository).chain(ends)
    }
}

/// Whether the first part of an image is a registry, and not a folder of Docker Hub.
fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

fn is_docker_hub(folder: &str) -> bool {
    let of_hub = |part: &str| part.replace(['-', '_'], "").contains("dockerhub");
    folder == "library" || is_registry(folder) || of_hub(folder)
}
