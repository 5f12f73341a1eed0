//! How kustomize and kpt run the functions that are listed.

use std::path::Path;

use fitout::IMAGE;
use fitout::catalogue::{without_digest, without_tag};
use kustomize_krm_types::{FunctionSpec, annotations};

use super::super::super::inputs::shown;
use super::super::super::programs;
use super::super::super::tree::{is_fitout, joined, read};
use super::{Function, Level, Setup};

impl Setup {
    pub(super) fn check_function(&mut self, function: &Function) {
        let place = (function.kustomization.as_path(), Some(function.line));
        let folder = function.kustomization.parent().unwrap_or(Path::new(""));
        let name = shown(&function.file);
        if function.list == "transformers" && function.mode.as_deref() == Some("Check") {
            let message = format!("{name} has `mode: Check` here, so the build is empty");
            self.add(Level::Problem, place, message, "list it under `validators`");
        }
        let container = format!("container: {{image: {IMAGE}}}");
        let Some(annotation) = &function.annotation else {
            let message = format!("{name} does not say how kustomize runs it");
            let help = format!(
                "add the annotation `{}: '{container}'`",
                annotations::FUNCTION
            );
            return self.add(Level::Problem, place, message, help);
        };
        let spec: FunctionSpec = match serde_yaml::from_str(annotation) {
            Ok(spec) => spec,
            Err(error) => {
                let message = format!(
                    "{name}: kustomize cannot read the annotation {}: {error}",
                    annotations::FUNCTION
                );
                return self.add(
                    Level::Problem,
                    place,
                    message,
                    format!("write `{container}`"),
                );
            }
        };
        match (spec.container, spec.exec) {
            (Some(container), _) => self.check_image(&container.image, place, &name),
            (None, Some(exec)) => {
                let message = format!(
                    "{name} uses `exec`: kubectl always skips it silently, and kustomize without --enable-exec"
                );
                let overlay = match shown(folder) {
                    folder if folder.is_empty() => ".".to_owned(),
                    folder => folder,
                };
                let help = format!(
                    "build with `kustomize build --enable-alpha-plugins --enable-exec {overlay}`, or write `{container}`"
                );
                self.add(Level::Problem, place, message, help);
                self.check_program(&exec.path, folder, place, &name);
            }
            (None, None) => {
                let message = format!("{name} names neither a container nor an executable");
                self.add(
                    Level::Problem,
                    place,
                    message,
                    format!("write `{container}`"),
                );
            }
        }
    }

    fn check_program(
        &mut self,
        program: &str,
        folder: &Path,
        place: (&Path, Option<usize>),
        name: &str,
    ) {
        let (file, help) = match program.contains('/') {
            true => (
                joined(folder, program),
                "relative paths begin at the kustomization that lists the config",
            ),
            false => match programs::find(program) {
                Some(_) => return,
                None => {
                    let message = format!("{name}: `{program}` is not on PATH");
                    let help = "put fitout into a folder of PATH";
                    return self.add(Level::Problem, place, message, help);
                }
            },
        };
        if !programs::is_executable(&file) {
            let message = match file.exists() {
                true => format!("{name}: {} is not executable", shown(&file)),
                false => format!("{name}: {} does not exist", shown(&file)),
            };
            self.add(Level::Problem, place, message, help);
        }
    }

    fn check_image(&mut self, image: &str, place: (&Path, Option<usize>), name: &str) {
        let (tagged, digest) = without_digest(image);
        let (repository, tag) = without_tag(tagged);
        let (ours, our_tag) = IMAGE.rsplit_once(':').unwrap_or((IMAGE, ""));
        if digest.is_none() && tag.is_none_or(|tag| tag == "latest") {
            let message =
                format!("{name}: the image {image} is not pinned, so every build may differ");
            self.add(
                Level::Problem,
                place,
                message,
                format!("write `{IMAGE}`, or add its digest"),
            );
        } else if repository == ours && tag.is_some_and(|tag| tag != our_tag) {
            let message = format!(
                "{name}: the image {image} is another version than this program, {our_tag}"
            );
            let help = "use the same version everywhere, or the results differ; `-k` refuses other versions";
            self.add(Level::Problem, place, message, help);
        }
    }

    pub(super) fn check_kptfile(&mut self, file: &Path) {
        let Some(stream) = read(file) else { return };
        let folder = file.parent().unwrap_or(Path::new(""));
        for root in stream.documents().map(|it| it.root()) {
            let lists = ["mutators", "validators"];
            for entry in lists.iter().flat_map(|it| root.items_at(["pipeline", it])) {
                let place = (file, Some(entry.position().line));
                let [image, exec, config] =
                    ["image", "exec", "configPath"].map(|key| entry.text_at([key]));
                let program = image.as_ref().or(exec.as_ref());
                if !program.is_some_and(|it| is_fitout(it)) {
                    continue;
                }
                if let Some(image) = &image {
                    self.check_image(image, place, "this function");
                } else if let Some(exec) = &exec {
                    let program = exec.split(' ').next().unwrap_or_default();
                    self.check_program(program, folder, place, "this function");
                    let message = "this function is an executable, which `kpt fn render` refuses without --allow-exec";
                    self.add(Level::Note, place, message, "");
                }
                match config.map(|it| folder.join(&*it)) {
                    Some(config) if config.is_file() => self.listed.extend(config.canonicalize()),
                    Some(config) => {
                        let message = format!("{} does not exist", shown(&config));
                        let help = "`fitout config print -e NAME` prints the config of an environment as one document";
                        self.add(Level::Problem, place, message, help);
                    }
                    None => {
                        let message = "this function has no `configPath`";
                        let help = "name a file of the package, with the config that `fitout config print -e NAME` prints";
                        self.add(Level::Problem, place, message, help);
                    }
                }
            }
        }
    }
}
