//! What this program asks its environment: variables, and programs on PATH.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The folders in which programs are looked for.
pub(super) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Finds a program on PATH.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    find_on(&search_path(), name)
}

/// Finds a program on another PATH.
pub(super) fn find_on(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

/// A PATH with another folder in front.
pub(super) fn in_front(bin: &Path, path: &OsStr) -> OsString {
    let folders = std::iter::once(bin.to_owned()).chain(std::env::split_paths(path));
    std::env::join_paths(folders).unwrap_or_else(|_| bin.into())
}

/// Whether the system runs a program, as exec.LookPath of Go asks it.
#[cfg(unix)]
pub(super) fn can_run(file: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(not(unix))]
pub(super) fn can_run(_: &Path) -> bool {
    true
}

#[cfg(unix)]
pub(super) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_executable(file: &Path) -> bool {
    file.is_file()
}
