//! What the annotations of an object's author ask for, and which of them count.
//!
//! The config decides: see [`crate::config::Authors`]. What does not count has no effect, and is reported.

use std::borrow::Cow;

use super::exemptions::AppliedExemption;
use crate::config::{Config, NeedsReason, SectionRow, is_reason, is_rule, leaf_of};
use crate::hashing::HashSet;
use crate::kubernetes::Date;
use crate::objects::Target;

/// The annotation that opts an object out: of everything (`true`), or of some sections.
pub const SKIP: &str = "fitout.dev/skip";
/// The annotation with the reason for [`SKIP`].
pub const SKIP_REASON: &str = "fitout.dev/skip-reason";
/// The annotation that selects a profile, which is then applied last.
pub const PROFILE: &str = "fitout.dev/profile";
/// The annotation that exempts an object from leaves and rules; `<container>:<leaf>` is for one container.
pub const EXEMPT: &str = "fitout.dev/exempt";
/// The annotation with the reason for [`EXEMPT`].
pub const EXEMPT_REASON: &str = "fitout.dev/exempt-reason";
/// The annotation with the last day of [`EXEMPT`].
pub const EXEMPT_UNTIL: &str = "fitout.dev/exempt-until";

/// The annotations that fitout reads.
pub const ANNOTATIONS: [&str; 6] = [
    SKIP, SKIP_REASON, PROFILE, EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL,
];

/// The prefix of these annotations.
const PREFIX: &str = "fitout.dev/";

/// What the author of an object opts out of.
#[derive(Debug, Default)]
pub struct Author<'r> {
    /// The sections that are left out.
    pub skipped: Vec<&'static str>,
    /// The reason for that; empty without one.
    pub skip_reason: String,
    /// The last day of that, if the config sets one.
    pub skip_until: Option<Date>,
    /// The exemptions, one for each word.
    pub(super) exemptions: Vec<AppliedExemption<'r>>,
    /// The profile, by its index.
    pub(super) profile: Option<usize>,
    /// What does not count.
    pub ignored: Vec<Ignored>,
}

/// An annotation, or a part of one, that does not count.
#[derive(Debug)]
pub struct Ignored {
    /// The annotation.
    pub annotation: Cow<'static, str>,
    /// Why it does not count.
    pub why: Why,
}

/// Why an annotation does not count.
#[derive(Debug)]
pub enum Why {
    /// There is no such annotation.
    UnknownKey,
    /// There is no such profile.
    UnknownProfile(String),
    /// The words name no section, field or rule.
    UnknownWords(Vec<String>),
    /// The config does not allow these sections, fields or rules.
    NotAllowed(Vec<String>),
    /// The config does not let authors select the profile.
    NotSelectable(String),
    /// A reason of ten visible characters is needed.
    NoReason,
    /// It has another end than a date.
    NotADate(String),
    /// It has expired, with its reason.
    Ended(Date, String),
    /// The config does not accept it after this day.
    EndedForAll(Date),
    /// It counts, but only until this day, because the config sets a limit.
    EndsEarlier(Date),
}

impl<'r> Author<'r> {
    /// What the annotations of an object or its templates ask for. `is_configured` says whether the config has a section for
    /// it.
    pub(super) fn of(
        config: &Config<'_>,
        target: &Target<'_>,
        is_configured: impl Fn(&str) -> bool,
    ) -> Option<Box<Author<'r>>> {
        let mut author = Author::default();
        let own = target.resource.annotations();
        let of_pods = target.templates.iter().filter_map(|it| it.annotations());
        let keys = own.into_iter().chain(of_pods);
        let keys = keys.flat_map(|annotations| annotations.entries());
        let keys = keys.filter_map(|(key, _)| key.text());
        let mut is_asked = false;
        let mut unknown = HashSet::default();
        for key in keys.filter(|key| key.starts_with(PREFIX)) {
            is_asked = true;
            if !ANNOTATIONS.contains(&&*key) && unknown.insert(key.clone()) {
                author.ignore(key.into_owned(), Why::UnknownKey);
            }
        }
        is_asked.then(|| {
            author.skip(config, target, is_configured);
            author.exempt(config, target);
            author.select(config, target);
            Box::new(author)
        })
    }

    fn ignore(&mut self, annotation: impl Into<Cow<'static, str>>, why: Why) {
        let annotation = annotation.into();
        self.ignored.push(Ignored { annotation, why });
    }

    /// Reads the annotation that leaves out sections.
    fn skip(
        &mut self,
        config: &Config<'_>,
        target: &Target<'_>,
        is_configured: impl Fn(&str) -> bool,
    ) {
        let Some(words) = target.annotation(SKIP) else {
            return;
        };
        let names = config.vocabulary.names;
        let (mut unknown, mut refused) = (Vec::new(), Vec::new());
        for word in words_of(&words).filter(|word| *word != "false") {
            let named: Vec<&'static str> = match word {
                "true" => names.to_vec(),
                word => names.iter().copied().filter(|name| *name == word).collect(),
            };
            if named.is_empty() {
                unknown.push(word.to_owned());
            }
            for name in named {
                if !config.authors.may_skip(name) {
                    // `true` asks for all sections, also for those that would do nothing.
                    if word != "true" || is_configured(name) {
                        refused.push(name.to_owned());
                    }
                } else if !self.skipped.contains(&name) {
                    self.skipped.push(name);
                }
            }
        }
        if !unknown.is_empty() {
            self.ignore(SKIP, Why::UnknownWords(unknown));
        }
        if !refused.is_empty() {
            self.ignore(SKIP, Why::NotAllowed(refused));
        }
        if self.skipped.is_empty() {
            return;
        }
        let reason = target.annotation(SKIP_REASON).unwrap_or_default();
        let is_missing = config.authors.reason == NeedsReason::Always && !is_reason(&reason);
        if let Some(why) = objection(config, is_missing) {
            self.skipped.clear();
            self.ignore(SKIP, why);
            return;
        }
        self.skip_reason = shown(reason.trim());
        self.skip_until.clone_from(&config.authors.until);
    }

    /// Reads the annotation that exempts from fields and rules.
    fn exempt(&mut self, config: &Config<'_>, target: &Target<'_>) {
        let Some(words) = target.annotation(EXEMPT) else {
            return;
        };
        let (mut unknown, mut refused) = (Vec::new(), Vec::new());
        for text in words_of(&words) {
            let (container, word) = match text.split_once(':') {
                Some((container, word)) => (Some(container), word),
                None => (None, text),
            };
            if !config.vocabulary.knows(word) {
                unknown.push(word.to_owned());
                continue;
            }
            if !may_exempt(config, word) {
                refused.push(word.to_owned());
                continue;
            }
            let own = vec![Cow::from(word.to_owned())];
            let (fields, rules) = match is_rule(word) {
                true => (Vec::new(), own),
                false => (own, Vec::new()),
            };
            let exemption = AppliedExemption::of_author(container, fields, rules);
            self.exemptions.push(exemption);
        }
        if !unknown.is_empty() {
            self.ignore(EXEMPT, Why::UnknownWords(unknown));
        }
        if !refused.is_empty() {
            self.ignore(EXEMPT, Why::NotAllowed(refused));
        }
        if words_of(&words).next().is_some() {
            self.limit_exemptions(config, target);
        }
    }

    /// Sets the reason and the end of the exemptions, or drops them.
    fn limit_exemptions(&mut self, config: &Config<'_>, target: &Target<'_>) {
        let today = config.today.as_ref();
        let reason = target.annotation(EXEMPT_REASON).unwrap_or_default();
        let reason = reason.trim();
        let lacks_reason = config.authors.reason != NeedsReason::Never && !is_reason(reason);
        let objection = objection(config, lacks_reason);
        let until = target.annotation(EXEMPT_UNTIL);
        let until = until.map(|day| Date::parse(&day).ok_or(day.into_owned()));
        let end = match until.clone().transpose() {
            Err(day) => Some(Why::NotADate(day)),
            Ok(Some(day)) if day.is_before(today) => Some(Why::Ended(day, reason.to_owned())),
            Ok(_) => None,
        };
        if objection.is_some() || end.is_some() {
            self.exemptions.clear();
        }
        let limit = config.authors.until.clone();
        let until = match (until.and_then(Result::ok), limit) {
            (Some(until), Some(limit)) if limit < until && !self.exemptions.is_empty() => {
                self.ignore(EXEMPT_UNTIL, Why::EndsEarlier(limit.clone()));
                Some(limit)
            }
            (until, limit) => until.or(limit),
        };
        let reason = shown(reason);
        for exemption in &mut self.exemptions {
            exemption.reason.clone_from(&reason);
            exemption.until.clone_from(&until);
        }
        objection
            .into_iter()
            .for_each(|why| self.ignore(EXEMPT, why));
        end.into_iter()
            .for_each(|why| self.ignore(EXEMPT_UNTIL, why));
    }

    /// Reads the annotation that selects a profile.
    fn select(&mut self, config: &Config<'_>, target: &Target<'_>) {
        let Some(name) = target.annotation(PROFILE) else {
            return;
        };
        match config.profile(&name) {
            None => self.ignore(PROFILE, Why::UnknownProfile(name.into_owned())),
            Some(profile) if config.profiles[profile].by_annotation => {
                self.profile = Some(profile);
            }
            Some(_) => self.ignore(PROFILE, Why::NotSelectable(name.into_owned())),
        }
    }
}

/// Whether authors may exempt from a rule or a field. A word without a section can name fields of several.
fn may_exempt(config: &Config<'_>, word: &str) -> bool {
    if is_rule(word) {
        return config.authors.may_waive(word);
    }
    let mut sections = config.vocabulary.sections.iter();
    sections.all(|row: &'static SectionRow| {
        let leaf = leaf_of(word, row.name, row.mode_paths);
        leaf.is_none_or(|leaf| config.authors.may_exempt(row, leaf))
    })
}

/// Why an annotation does not count, whatever it names.
fn objection(config: &Config<'_>, lacks_reason: bool) -> Option<Why> {
    if lacks_reason {
        return Some(Why::NoReason);
    }
    let limit = config.authors.until.as_ref()?;
    let is_over = limit.is_before(config.today.as_ref());
    is_over.then(|| Why::EndedForAll(limit.clone()))
}

/// The start of a reason that is very long: reports show it with each finding that it waives.
fn shown(reason: &str) -> String {
    const LONGEST: usize = 1000;
    match reason.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}
