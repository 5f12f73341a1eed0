//! The wrappers that come first on PATH while kustomize builds, and the variables that they and [`super::shim`] read.

use std::path::Path;

/// The path of this program, for the wrapper.
pub(super) const PROGRAM: &str = "FITOUT_SHIM_PROGRAM";
/// The PATH without the wrapper.
pub(super) const REAL_PATH: &str = "FITOUT_SHIM_PATH";
/// The folder where the wrapper records the input and exit code of each call.
pub(super) const RECORD: &str = "FITOUT_SHIM_RECORD";
/// The overlay, to look up the lines of its config.
pub(super) const DIRECTORY: &str = "FITOUT_SHIM_DIRECTORY";
/// The working directory, to which the path of the overlay is relative.
pub(super) const WORKING: &str = "FITOUT_SHIM_WORKING";
/// Set if the caller reports the findings.
pub(super) const REPORTED_LATER: &str = "FITOUT_SHIM_REPORTED_LATER";
/// The images that the caller allows, one on each line.
pub(super) const ALLOWED: &str = "FITOUT_SHIM_ALLOWED";
/// The file of the config that replaces that of the overlay.
pub(super) const CONFIG: &str = "FITOUT_SHIM_CONFIG";
/// The environment to choose in that file.
pub(super) const ENVIRONMENT: &str = "FITOUT_SHIM_ENVIRONMENT";
/// All of them, which other programs do not get.
pub(super) const VARIABLES: [&str; 9] = [
    PROGRAM, REAL_PATH, RECORD, DIRECTORY, WORKING, REPORTED_LATER, ALLOWED, CONFIG, ENVIRONMENT,
];

/// The wrapper for docker.
pub(super) const DOCKER: &str = "exec \"$FITOUT_SHIM_PROGRAM\" docker-shim \"$@\"";

/// The wrapper for helm, which runs other programs as without a wrapper.
pub(super) const HELM: &str = "PATH=$FITOUT_SHIM_PATH
export PATH
exec helm \"$@\"";

/// The wrapper for helm, unless the caller allows it.
pub(super) const NO_HELM: &str =
    "echo 'error[FIT-INP011]: the overlay runs helm, which is not allowed' >&2
echo '  = help: if you trust its charts, allow it with `-- --enable-helm`' >&2
exit 2";

/// The wrapper for git, to which kustomize passes what follows `?ref=` as it is: `--upload-pack=PROGRAM` would run a program.
pub(super) const GIT: &str = "for argument; do
  case $argument in
  --depth=1 | --init | --recursive) ;;
  -*)
    echo 'error[FIT-INP011]: the overlay passes an option to git in the URL of a remote base, which is not allowed' >&2
    exit 2 ;;
  esac
done
PATH=$FITOUT_SHIM_PATH
export PATH
exec git \"$@\"";

/// Writes wrappers into a new folder.
pub(super) fn write_wrappers(bin: &Path, wrappers: &[(&str, &str)]) -> std::io::Result<()> {
    std::fs::create_dir(bin)?;
    for (name, script) in wrappers {
        let file = bin.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
