//! Temporary files and folders, which are removed after every signal that a program can catch.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use fitout::parallel;

static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The paths to remove after a signal. A signal has no effect until the guard is dropped.
pub(super) struct Held(MutexGuard<'static, Vec<PathBuf>>);

/// Holds back signals, for a step that must not be interrupted.
pub(super) fn hold() -> Held {
    static WATCH: Once = Once::new();
    WATCH.call_once(watch);
    Held(PATHS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A new folder. A signal has no effect until the guard is dropped.
pub(super) fn folder() -> std::io::Result<(tempfile::TempDir, Held)> {
    let mut held = hold();
    let folder = tempfile::tempdir()?;
    held.add(folder.path());
    Ok((folder, held))
}

impl Held {
    /// Removes this path too.
    pub(super) fn add(&mut self, path: &Path) {
        self.0.push(path.to_owned());
    }

    /// Removes everything now.
    pub(super) fn remove_all(&mut self) {
        self.0.drain(..).for_each(|path| remove(&path));
    }

    /// The same on all cores, which must not wait for the paths.
    pub(super) fn remove_at_once(&mut self) {
        let paths = std::mem::take(&mut *self.0);
        parallel::map(paths.len(), &|at| remove(&paths[at]));
    }
}

fn remove(path: &Path) {
    // A child process can write to a folder while it is removed.
    let remove = || std::fs::remove_file(path).is_ok() || std::fs::remove_dir_all(path).is_ok();
    let _ = (0..10).any(|_| remove() || !path.exists());
}

/// Removes everything, unless the step that panicked holds the paths.
pub(super) fn remove_after_panic() {
    if let Ok(paths) = PATHS.try_lock() {
        Held(paths).remove_all();
    }
}

#[cfg(unix)]
fn watch() {
    use signal_hook::consts as signal;
    let mut ending = vec![
        signal::SIGHUP,
        signal::SIGINT,
        signal::SIGQUIT,
        signal::SIGTRAP,
        signal::SIGABRT,
        signal::SIGUSR1,
        signal::SIGUSR2,
        signal::SIGALRM,
        signal::SIGTERM,
        signal::SIGXCPU,
        signal::SIGVTALRM,
        signal::SIGPROF,
        signal::SIGIO,
        signal::SIGSYS,
    ];
    #[cfg(target_os = "linux")]
    ending.extend(
        [
            rustix::process::Signal::POWER,
            rustix::process::Signal::STKFLT,
        ]
        .map(|it| it.as_raw()),
    );
    let ignored = ignored();
    ending.retain(|signal| ignored & (1 << (signal - 1)) == 0);
    let Ok(mut signals) = signal_hook::iterator::Signals::new(ending) else {
        return;
    };
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            let mut held = Held(PATHS.lock().unwrap_or_else(PoisonError::into_inner));
            held.remove_all();
            // Ends the process as if the signal had not been caught.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            super::output::exit(128 + u8::try_from(signal).unwrap_or_default());
        }
    };
    // Where the system starts no threads, a signal ends the process as usual.
    drop(std::thread::Builder::new().spawn(wait));
}

/// The signals that the program was started to ignore, as `nohup` does, in a mask.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(not(unix))]
fn watch() {}

/// Turns the signal at a limit of the size of files into an error of the write.
#[cfg(unix)]
pub(super) fn survive_size_limits() {
    let flag = std::sync::Arc::default();
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag);
}

#[cfg(not(unix))]
pub(super) fn survive_size_limits() {}
