//! `fitout helm-plugin`: fitout as a post-renderer of Helm.
//!
//! Helm 4 runs post-renderers only as plugins, and throws away what they write to standard error, also when they fail. So `run`
//! also writes the reasons of a failure to a file, and where Helm itself writes its errors.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use fitout::text::Text;

use super::apply::Apply;
use super::output::{Output, Reports};
use super::programs::{self, variable};
use super::{BUG, Failure, SUCCESS, Source, UNREADABLE, UNWRITABLE, Verbosity, WRONG_USE, clock};

/// The name of the plugin, and of its folder.
const NAME: &str = "fitout";
/// The file with the reasons of the last failure, in the folder of the plugin.
const REPORT: &str = "report.txt";
/// The first line of our plugin.yaml, by which a later version knows that it may replace the file.
const MARK: &str = "# Written by `fitout helm-plugin`.";

/// Run fitout in Helm, as a post-renderer
#[derive(Debug, Subcommand)]
pub(super) enum HelmPlugin {
    /// Write the plugin into Helm's folder of plugins; needs Helm 4
    Install(Install),
    /// Print the plugin.yaml
    Print,
    /// Read the manifests of a chart from standard input and print the changed manifests: Helm calls this
    ///
    /// The environment and the config are those of -e and -c, which --post-renderer-args of Helm passes, or else of FITOUT_ENV
    /// and FITOUT_CONFIG. FITOUT_REPORT names a file for the findings and totals. Without it, a failure in Helm 4 writes its
    /// reasons to report.txt in the folder of the plugin.
    Run(Run),
}

#[derive(Debug, Args)]
pub(super) struct Install {
    /// The folder of plugins; the default is that of `helm env HELM_PLUGINS`
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The environment, as for `fitout apply`
    #[arg(short = 'e', long, value_name = "NAME")]
    environment: Option<String>,
    /// The file of the config; -e chooses an environment in it
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl HelmPlugin {
    pub(super) fn run(self) -> Result<u8, Failure> {
        match self {
            HelmPlugin::Install(install) => install.run(),
            HelmPlugin::Print => {
                Output::data(&manifest(NAME))?;
                Ok(SUCCESS)
            }
            HelmPlugin::Run(run) => run.run(),
        }
    }
}

/// The plugin.yaml that runs this command.
fn manifest(command: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{MARK} Use it with --post-renderer {NAME}.
apiVersion: v1
type: postrenderer/v1
name: {NAME}
version: {version}
runtime: subprocess
runtimeConfig:
  platformCommand:
  - command: {command}
    args: [helm-plugin, run]
"
    )
}

/// The plugin.yaml that `install` writes.
pub(super) fn installed() -> Result<String, Failure> {
    Ok(manifest(&command()?))
}

/// The plugin.yaml of fitout in a folder of plugins.
pub(super) fn plugin_in(folder: &Path) -> Option<String> {
    std::fs::read_to_string(folder.join(NAME).join("plugin.yaml")).ok()
}

fn path_in(variable: &str) -> Option<PathBuf> {
    programs::variable(variable).map(PathBuf::from)
}

impl Install {
    fn run(&self) -> Result<u8, Failure> {
        let folder = match &self.plugins {
            Some(folder) => folder.clone(),
            None => plugins_of_helm()?,
        };
        let folder = folder.join(NAME);
        let file = folder.join("plugin.yaml");
        let text = installed()?;
        let shown = file.display();
        let done = match std::fs::read_to_string(&file) {
            Ok(existing) if existing == text => "is current",
            Ok(existing) if !existing.starts_with(MARK) => {
                let message =
                    format!("error: {shown} exists, and `fitout helm-plugin` has not written it");
                return Err(Failure::new(WRONG_USE, message).note(
                    "  = help: remove that plugin, or choose another folder with --plugins",
                ));
            }
            existing => {
                let unwritable = || format!("error: cannot write {shown}");
                std::fs::create_dir_all(&folder).map_err(Failure::of(UNWRITABLE, unwritable()))?;
                std::fs::write(&file, &text).map_err(Failure::of(UNWRITABLE, unwritable()))?;
                match existing {
                    Ok(_) => "replaced",
                    Err(_) => "installed",
                }
            }
        };
        let mut report = Text::of(format_args!("{done:<11}{shown}"));
        report.line(format_args!(
            "to use it  helm template RELEASE CHART --post-renderer {NAME} --post-renderer-args=-eNAME"
        ));
        report.line(format_args!(
            "           and the same flags for helm install and helm upgrade, each time: without them Helm applies the chart as it is"
        ));
        Output::report(&report)?;
        Ok(SUCCESS)
    }
}

/// The first folder in which Helm 4 looks for plugins.
fn plugins_of_helm() -> Result<PathBuf, Failure> {
    let helm = programs::find("helm");
    if let Some(helm) = &helm {
        let version = said(helm, &["version", "--template", "{{.Version}}"])?;
        if version.starts_with("v3.") || version.starts_with("v2.") {
            let message = format!(
                "error: {} is Helm {version}, which does not load post-renderers as plugins",
                helm.display()
            );
            return Err(Failure::new(WRONG_USE, message).note(
                "  = help: Helm 3 needs no plugin: --post-renderer fitout --post-renderer-args helm-plugin --post-renderer-args run \
                 --post-renderer-args=-eNAME",
            ));
        }
    }
    let folders = match (variable("HELM_PLUGINS"), helm) {
        (Some(folders), _) => folders,
        (None, Some(helm)) => said(&helm, &["env", "HELM_PLUGINS"])?.into(),
        (None, None) => {
            return Err(Failure::new(WRONG_USE, "error: helm is not on PATH")
                .note("  = help: name the folder of its plugins with --plugins or HELM_PLUGINS"));
        }
    };
    let mut folders = std::env::split_paths(&folders).filter(|it| !it.as_os_str().is_empty());
    let none = || Failure::new(UNREADABLE, "error: Helm has no folder of plugins");
    folders.next().ok_or_else(none)
}

/// What a program prints.
fn said(program: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let tried = || {
        let arguments = arguments.join(" ");
        format!("error: cannot run {} {arguments}", program.display())
    };
    let finished = Command::new(program).args(arguments).output();
    let finished = finished.map_err(Failure::of(UNREADABLE, tried()))?;
    match finished.status.success() {
        true => Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned()),
        false => {
            let mut failure = Failure::new(UNREADABLE, tried());
            let said = String::from_utf8_lossy(&finished.stderr);
            failure.text.append(Text::of_program(&said));
            Err(failure)
        }
    }
}

/// What Helm has to run: this program by its name if PATH leads to it, and else by its path.
fn command() -> Result<String, Failure> {
    let tried = || "error: cannot find this program".to_owned();
    let program = std::env::current_exe().map_err(Failure::of(UNREADABLE, tried()))?;
    let canonical = |it: &Path| it.canonicalize().ok();
    let on_path = programs::find(NAME).and_then(|it| canonical(&it));
    if on_path.is_some() && on_path == canonical(&program) {
        return Ok(NAME.to_owned());
    }
    // Helm splits the command at blanks, and replaces `$` and what follows by variables.
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/\\:._+-@".contains(c);
    match program.to_str().filter(|it| it.chars().all(is_safe)) {
        // A colon needs quotes in YAML, and a backslash must not have double ones.
        Some(program) => Ok(format!("'{program}'")),
        None => {
            let message = format!(
                "error: Helm cannot run a program with the path {}",
                program.display()
            );
            Err(Failure::new(WRONG_USE, message)
                .note("  = help: put fitout into a folder of PATH, and run this again"))
        }
    }
}

impl Run {
    fn run(self) -> Result<u8, Failure> {
        let is_unnamed = self.environment.is_none() && self.config.is_none();
        let names = ["FITOUT_ENV", "FITOUT_CONFIG"];
        let is_unnamed = is_unnamed && names.iter().all(|name| variable(name).is_none());
        // Both together are common here: one for all charts of a pipeline, and one for this chart.
        let of_environment = self
            .environment
            .as_ref()
            .and_then(|_| path_in("FITOUT_CONFIG"));
        let apply = Apply::to_stdout(
            Source {
                filenames: vec![PathBuf::from("-")],
                patterns: Default::default(),
                overlay: Default::default(),
                environment: self.environment.into_iter().collect(),
                config: self.config.or(of_environment),
            },
            self.reports,
            self.verbosity,
        );
        let result = apply.run();
        result.map_err(|failure| match is_unnamed {
            true => failure
                .note("help: in Helm, pass it with --post-renderer-args=-eNAME, or set FITOUT_ENV"),
            false => failure,
        })
    }
}

/// Whether this program runs as the post-renderer of Helm.
pub(super) fn is_post_renderer() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().is_some_and(|it| it == "helm-plugin")
        && arguments.next().is_some_and(|it| it == "run")
}

/// Passes on what was written to standard error: to the report, and to where Helm writes its own errors.
pub(super) fn pass_on(code: u8) {
    let Some(said) = Output::recorded() else {
        return;
    };
    let plugin = variable("HELM_PLUGIN_NAME").filter(|name| name == NAME);
    let plugin = plugin.and_then(|_| path_in("HELM_PLUGIN_DIR"));
    let named = path_in("FITOUT_REPORT");
    let is_failure = code != SUCCESS;
    let of_plugin = plugin.as_ref().filter(|_| is_failure);
    let report = named.or_else(|| of_plugin.map(|folder| folder.join(REPORT)));
    let mut notes = Text::default();
    if let Some(file) = &report {
        let (version, time) = (env!("CARGO_PKG_VERSION"), clock::now());
        let arguments: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|it| it.to_string_lossy().into_owned())
            .collect();
        let arguments = arguments.join(" ");
        let head = Text::of(format_args!(
            "fitout {version}, {time} UTC, exit code {code}: fitout {arguments}"
        ));
        let text = [head.as_str(), &said].concat();
        let shown = file.display();
        match std::fs::write(file, text) {
            Ok(()) if is_failure => notes.line(format_args!("fitout: this is also in {shown}")),
            Ok(()) => {}
            Err(error) => notes.line(format_args!("fitout: cannot write {shown}: {error}")),
        }
    }
    match plugin {
        Some(_) => {
            if let Some(mut channel) = channel(is_failure) {
                let _ = channel.write_all([&said, notes.as_str()].concat().as_bytes());
            }
        }
        // Helm 3 shows the standard error of a post-renderer that fails.
        None => Output::stderr(&notes),
    }
}

/// Where the user of Helm reads messages: Helm's own standard error, and for failures else the terminal.
fn channel(is_failure: bool) -> Option<File> {
    match errors_of_helm() {
        Errors::Of(file) if is_failure || file.is_terminal() => Some(file),
        Errors::Of(_) => None,
        Errors::Elsewhere if !is_failure => None,
        Errors::Elsewhere | Errors::Unknown => OpenOptions::new().write(true).open("/dev/tty").ok(),
    }
}

/// The standard error of Helm.
enum Errors {
    /// A terminal or a pipe.
    Of(File),
    /// A file, which Helm would overwrite, or nothing.
    Elsewhere,
    /// Only Linux shows it.
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Unknown,
}

#[cfg(target_os = "linux")]
fn errors_of_helm() -> Errors {
    use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl, fstat};

    let parent = std::os::unix::process::parent_id();
    let path = format!("/proc/{parent}/fd/2");
    let own = fstat(std::io::stderr()).ok().map(|it| it.st_ino);
    let is_open_to_others = std::fs::metadata(&path).is_ok_and(|it| {
        let kind = it.file_type();
        // With a shell in between, the pipe of the parent is the one that Helm throws away.
        (kind.is_char_device() || kind.is_fifo()) && Some(it.ino()) != own
    });
    if !is_open_to_others {
        return Errors::Elsewhere;
    }
    // A pipe without a reader must not block.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let Ok(file) = options.write(true).custom_flags(flags).open(&path) else {
        return Errors::Elsewhere;
    };
    let is_blocking = fcntl_getfl(&file).and_then(|it| fcntl_setfl(&file, it - OFlags::NONBLOCK));
    match is_blocking {
        Ok(()) => Errors::Of(file),
        Err(_) => Errors::Elsewhere,
    }
}

#[cfg(not(target_os = "linux"))]
fn errors_of_helm() -> Errors {
    Errors::Unknown
}

/// Passes on a panic.
pub(super) fn pass_on_bug() {
    pass_on(BUG);
}
