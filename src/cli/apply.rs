//! `fitout apply`: prints the changed manifests, or edits their files.

use clap::Args;
use fitout::config::{Config, FailOn, FunctionConfig};
use fitout::edit::Change;
use fitout::parallel;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::Fitted;
use fitout::report::{self, Command, DetailLevel, FileText, Needs, Report};
use fitout::text::Text;
use fitout::write;
use fitout::yaml::join;

use super::cache::{self, Cache, Entry};
use super::config_text::ConfigText;
use super::files::{Choice, Files, Reader, is_stream};
use super::focus::{Chosen, Divided, Focus, Input};
use super::in_place::{self, Edit};
use super::inputs::{Found, Manifest, Manifests, config_of, failure, shown};
use super::key::Key;
use super::output::{self, Output, Reports};
use super::progress::{self, Progress};
use super::{FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, kustomize};

/// Print the changed manifests, or edit the files in place.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    objects: Chosen,
    /// Edit the files in place; everything else in them stays byte-identical
    #[arg(short, long, conflicts_with = "kustomization")]
    in_place: bool,
    #[command(flatten)]
    reports: Reports,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    verbosity: Verbosity,
    /// Print something even if there are no objects, because Helm takes empty output for a failure.
    #[arg(skip)]
    prints_something: bool,
}

impl Apply {
    /// As Helm runs it.
    pub(super) fn to_stdout(source: Source, reports: Reports, verbosity: Verbosity) -> Apply {
        Apply {
            source,
            objects: Chosen::default(),
            in_place: false,
            reports,
            cache: Cache::default(),
            verbosity,
            prints_something: true,
        }
    }

    pub(super) fn run(&self) -> Result<u8, Failure> {
        self.source.refuse_several()?;
        if let Some(directory) = &self.source.overlay.kustomization {
            let verbosity = &self.verbosity;
            if !self.reports.is_empty()
                || verbosity.fail_on.is_some()
                || verbosity.quiet
                || verbosity.verbose
            {
                return Err(Failure::new(
                    WRONG_USE,
                    "error: `apply -k` does not support -o, -q, -v and --fail-on, because it prints only the build; \
                     use `plan -k`",
                ));
            }
            if !self.objects.is_everything() {
                return Err(Failure::new(
                    WRONG_USE,
                    "error: `apply -k` does not support -l and -n, because it prints the build",
                )
                .note("  = help: `plan -k` and `check -k` support them"));
            }
            let chosen = self.source.chosen(verbosity)?;
            let chosen = chosen.iter().find_map(Option::as_ref);
            return kustomize::apply(&self.source.overlay, directory, chosen);
        }
        let on_stdout = self.reports.on_stdout();
        if let Some(name) = on_stdout.filter(|_| !self.in_place) {
            return Err(Failure::new(
                WRONG_USE,
                format!(
                    "error: apply prints the manifests on standard output; write the report to a file: -o {name}=FILE"
                ),
            ));
        }
        let mut named = self.source.filenames.iter();
        if let Some(stream) = named.find(|path| self.in_place && is_stream(path)) {
            let name = match shown(stream) {
                name if name == "stdin" => "standard input".to_owned(),
                name => format!("{name} is a stream, which"),
            };
            return Err(Failure::new(
                WRONG_USE,
                format!("error: {name} cannot be edited in place"),
            ));
        }
        self.source.spare(&self.reports)?;
        let edits = self.in_place.then_some(self.objects.shard);
        let cache = self.cache.editing(edits);
        let result = read_files(
            &self.source,
            &self.objects,
            Task {
                reader: Reader::Editor,
                cache: &cache,
                command: Command::Apply,
                is_exact: false,
            },
            &self.verbosity,
            |configs, manifests, resources, focus| {
                let mut code = SUCCESS;
                for config in configs {
                    let detail = match self.reports.is_empty() && !self.verbosity.verbose {
                        true => DetailLevel::Ledger,
                        false => DetailLevel::EachChange,
                    };
                    let fitting = Fitting::of(
                        config,
                        manifests,
                        (resources, focus),
                        detail,
                        &self.verbosity,
                    );
                    let fitting = fitting
                        .map_err(|problems| failure(&problems, &self.verbosity, UNREADABLE))?;
                    code = code.max(self.finish(fitting, manifests, resources, focus)?);
                }
                Ok(code)
            },
        );
        self.reports
            .with_failure(Command::Apply, &self.verbosity, result)
    }

    fn finish(
        &self,
        fitting: Fitting,
        manifests: &Manifests,
        resources: &[Resource<'_>],
        focus: &Focus,
    ) -> Result<u8, Failure> {
        let Fitting {
            report,
            changes,
            texts,
            has_errors_elsewhere,
        } = fitting;
        print(&report, has_errors_elsewhere, &self.verbosity);
        let fail_on = self.verbosity.fail_on();
        let code = match has_errors_elsewhere && fail_on != FailOn::Never {
            true => FINDINGS,
            false => exit_code(&report, fail_on),
        };
        let has_errors = report.has_errors() || has_errors_elsewhere;
        let replaced = |text| {
            let replaced = of_text(&changes, text, resources);
            let stream = &manifests.texts[text].stream;
            write::replacements(stream, replaced, resources).ok()
        };
        let run = run_of(
            report,
            &changes,
            &texts,
            manifests,
            resources,
            self.reports.needs(),
        );
        let runs = [run.failing_on(fail_on)];
        let reports = || self.reports.write(Command::Apply, &runs, &self.verbosity);
        match (has_errors, self.in_place) {
            (true, _) => reports()?,
            (false, true) => self.write_files(manifests, &texts, reports)?,
            (false, false) => {
                reports()?;
                let chosen = focus.documents(&texts, resources);
                match chosen {
                    None => cache::manifests(manifests, &texts, replaced),
                    Some(_) => cache::forbid(),
                }
                let texts = chosen.as_deref().unwrap_or(&texts);
                // Between two texts there is a marker.
                let is_blank = texts.len() < 2 && texts.iter().all(|it| it.trim().is_empty());
                match self.prints_something && is_blank {
                    true => Output::data("---\n")?,
                    false => Output::parts(&|pass| join(texts, pass))?,
                }
            }
        }
        std::mem::forget(runs);
        std::mem::forget((texts, changes));
        Ok(code)
    }

    /// Replaces all changed files, once the reports are written.
    fn write_files(
        &self,
        manifests: &Manifests,
        texts: &[String],
        reports: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let files = manifests.texts.iter().zip(texts);
        let edits = files.filter_map(|(manifest, after)| {
            let edit = Edit {
                file: manifest.file.as_deref()?,
                name: &manifest.name,
                before: manifest.stream.text(),
                after,
            };
            (edit.before != edit.after).then_some(edit)
        });
        let edits: Vec<Edit<'_>> = edits.collect();
        let files = manifests.texts.iter().filter_map(|it| it.file.as_deref());
        let shard = self.objects.shard;
        in_place::remove_leftovers(&files.collect::<Vec<_>>(), shard);
        if !edits.is_empty() {
            cache::forbid();
        }
        in_place::write(&edits, &self.source.filenames, shard, reports)?;
        if !self.verbosity.quiet {
            for edit in &edits {
                Output::notice(format_args!("edited  {}", edit.name));
            }
            if edits.is_empty() {
                Output::notice("nothing to do");
            }
        }
        Ok(())
    }
}

/// The result of running fitout on files.
pub(super) struct Fitting {
    pub(super) changes: Vec<Change>,
    pub(super) report: Report,
    /// The new text of each manifest, in their order.
    pub(super) texts: Vec<String>,
    /// Whether there are errors in other shards.
    has_errors_elsewhere: bool,
}

/// What reports are made from.
pub(super) fn run_of<'t>(
    report: Report,
    changes: &[Change],
    texts: &'t [String],
    manifests: &'t Manifests,
    resources: &[Resource<'_>],
    needs: Needs,
) -> report::Run<'t> {
    let files = manifests.texts.iter().zip(texts).map(|(manifest, after)| {
        let (name, is_file) = (&manifest.name, manifest.file.is_some());
        FileText::of(name, is_file, manifest.stream.text(), after)
    });
    let mut files: Vec<FileText<'t>> = files.collect();
    if needs.fixes {
        files = with_replacements(files, changes, manifests, resources);
    }
    report::Run::of(report, changes, resources, files, needs)
}

/// Shows that a large input is being decided about.
pub(super) fn deciding(manifests: &Manifests, verbosity: &Verbosity) -> Progress {
    let bytes: usize = manifests
        .texts
        .iter()
        .map(|it| it.stream.text().len())
        .sum();
    Progress::of("deciding", bytes > progress::MANY_BYTES, verbosity)
}

/// Adds the bytes that change.
pub(super) fn with_replacements<'t>(
    files: Vec<FileText<'t>>,
    changes: &[Change],
    manifests: &Manifests,
    resources: &[Resource<'_>],
) -> Vec<FileText<'t>> {
    let files = files.into_iter().zip(&manifests.texts).enumerate();
    files
        .map(|(text, (file, manifest))| {
            let changes = of_text(changes, text, resources);
            // Fails only where the text cannot be edited at all, which was reported.
            let replacements = fitout::write::replacements(&manifest.stream, changes, resources);
            file.with(replacements.unwrap_or_default())
        })
        .collect()
}

/// What is done with the files.
pub(super) struct Task<'t> {
    pub(super) reader: Reader,
    pub(super) cache: &'t Cache,
    pub(super) command: Command,
    pub(super) is_exact: bool,
}

impl Task<'_> {
    /// What all shards of a run have in common before anything is parsed. `None` if a file cannot be read, which is reported
    /// when it is parsed.
    fn divided(
        &self,
        source: &Source,
        (texts, configs): (&[ConfigText], &[Config<'_>]),
        found: &mut Found,
        verbosity: &Verbosity,
    ) -> Option<Divided> {
        if found.files.iter().any(|it| is_stream(&it.path)) {
            return None;
        }
        found.read_all()?;
        let Task {
            reader,
            cache,
            command,
            is_exact,
        } = self;
        let mut key = Key::default();
        let (version, fail_on) = (env!("CARGO_PKG_VERSION"), verbosity.fail_on);
        let in_place = cache.is_of_edits();
        let patterns = &source.patterns;
        key.add(format!(
            "{version} {command:?} {reader:?} {is_exact} {fail_on:?} {in_place} {patterns:?}"
        ));
        key.add_configs(texts, configs);
        Some(Divided {
            key,
            digests: found.digests(),
            in_place,
        })
    }
}

/// Reads the config and the files that the arguments name.
pub(super) fn read_files(
    source: &Source,
    chosen: &Chosen,
    task: Task<'_>,
    verbosity: &Verbosity,
    then: impl FnOnce(&mut [Config<'_>], &Manifests, &[Resource<'_>], &Focus) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
    let Task { reader, cache, .. } = task;
    let texts = source.configs(verbosity)?;
    let function_configs = texts.iter().map(|text| text.function_config(verbosity));
    let function_configs: Vec<FunctionConfig<'_>> = function_configs.collect::<Result<_, _>>()?;
    let configs = function_configs.iter().map(|it| config_of(it, verbosity));
    let mut configs: Vec<Config<'_>> = configs.collect::<Result<_, _>>()?;
    let mut files: Vec<_> = texts.iter().map(|it| it.file.clone()).collect();
    if matches!(reader, Reader::Checker { .. }) {
        for (text, config) in texts.iter().zip(&mut configs) {
            let folder = text.file.parent().unwrap_or_else(|| "".as_ref());
            Manifests::read_definitions(config, folder, verbosity)?;
            files.extend(config.checks.definitions.iter().map(|it| folder.join(it)));
        }
    }
    let choice = Choice {
        patterns: &source.patterns,
        reader,
    };
    let mut found = Found::of(Files::of(&source.filenames, choice)?);
    let asks_git = chosen.asks_git();
    let entry = cache.look_up(source, (&texts, &configs), &mut found, asks_git, verbosity)?;
    if let Entry::Repeated(code) = entry {
        return Ok(code);
    }
    let divided = chosen.shard.and_then(|_| {
        let configs = (&*texts, &*configs);
        task.divided(source, configs, &mut found, verbosity)
    });
    let manifests = Manifests::parse(&found, &source.filenames, choice, verbosity)?;
    let resources = manifests.resources().map_err(unreadable)?;
    let input = Input {
        source,
        configs: &files,
        reader,
        found: &found,
        manifests: &manifests,
        resources: &resources,
    };
    let focus = Focus::of(chosen, &input, divided)?;
    let code = then(&mut configs, &manifests, &resources, &focus);
    if let (Ok(code), Entry::Recorded(file)) = (&code, entry) {
        cache::keep(&file, *code);
    }
    // The process ends soon, so the memory of thousands of files need not be freed piece by piece.
    std::mem::forget(resources);
    std::mem::forget(manifests);
    code
}

impl Fitting {
    pub(super) fn of(
        config: &Config<'_>,
        manifests: &Manifests,
        (resources, focus): (&[Resource<'_>], &Focus),
        detail: DetailLevel,
        verbosity: &Verbosity,
    ) -> Result<Fitting, Problems> {
        let deciding = deciding(manifests, verbosity);
        let mut fitted = fitout::fit(config, resources, None)?;
        focus.narrow_to_chosen(&mut fitted, config, resources);
        let all = match focus.marks_edits() {
            true => new_texts(&manifests.texts, &fitted.changes, resources)?,
            false => Vec::new(),
        };
        let has_errors_elsewhere = focus.narrow_to_shard(&mut fitted, resources);
        let mut report = Report::of(&mut fitted, resources, config, detail);
        report.account_for(&manifests.files);
        focus.mark(&mut report, &all);
        let Fitted { changes, .. } = fitted;
        let texts = new_texts(&manifests.texts, &changes, resources)?;
        drop(deciding);
        Ok(Fitting {
            changes,
            report,
            texts,
            has_errors_elsewhere,
        })
    }
}

/// Prints findings, totals and the ledger on standard error, as verbosity asks.
fn print(report: &Report, has_errors_elsewhere: bool, verbosity: &Verbosity) {
    verbosity.report_findings(report);
    if report.has_errors() {
        Output::notice("nothing was written because of errors");
    } else if has_errors_elsewhere {
        Output::notice("nothing was written because of errors in files of other shards");
    }
    if verbosity.quiet {
        return;
    }
    let mut text = match verbosity.verbose {
        true => report::summary(report, output::width()),
        false => Text::of(report::totals(report)),
    };
    text.append(report::accounts(report, verbosity.verbose));
    Output::stderr(&text);
}

/// The changes of a text: they are in the order of the objects, and those in the order of the texts.
fn of_text<'c>(changes: &'c [Change], text: usize, resources: &[Resource<'_>]) -> &'c [Change] {
    let text_of = |change: &Change| resources[change.resource].text;
    let first = changes.partition_point(|it| text_of(it) < text);
    let until = changes.partition_point(|it| text_of(it) <= text);
    &changes[first..until]
}

fn new_texts(
    manifests: &[Manifest],
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Result<Vec<String>, Problems> {
    let edited = parallel::map(manifests.len(), &|text| {
        let changes = of_text(changes, text, resources);
        write::text(&manifests[text].stream, changes, resources)
    });
    let mut texts = Vec::with_capacity(edited.len());
    let mut problems = Vec::new();
    for result in edited {
        match result {
            Ok(text) => texts.push(text),
            Err(refused) => problems.extend(refused.0),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(Problems(problems))
    }
}

/// The exit code for the findings.
pub(super) fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    if report.passes(fail_on) {
        SUCCESS
    } else {
        FINDINGS
    }
}
