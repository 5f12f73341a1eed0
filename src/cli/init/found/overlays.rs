//! Kustomizations: the overlays that are built, and the bases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fitout::objects::Target;

use super::super::super::tree::Kustomization;
use super::{Found, Given, environment_in, is_plain, not_deployed, rank, relative};
use fitout::sorting;

/// Folders whose children are overlays, whatever their names.
const OF_OVERLAYS: [&str; 6] = [
    "overlays", "overlay", "environments", "envs", "env", "clusters",
];

/// An overlay that a user builds for an environment.
#[derive(Debug)]
pub(in super::super) struct Overlay {
    pub(in super::super) folder: String,
    pub(in super::super) environment: String,
    pub(in super::super) has_transformers: bool,
}

impl Found {
    /// Finds the overlays that are built, and the environment of each by its folder.
    pub(super) fn find_kustomizations(
        &mut self,
        root: &Path,
        files: &[PathBuf],
        (manifests, resources): Given<'_>,
        odd: &mut BTreeSet<String>,
    ) {
        let canonical = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut seen = BTreeSet::new();
        let all = files.iter().filter_map(|it| it.canonicalize().ok());
        let all = all.filter(|it| {
            it.starts_with(&canonical) && !it.starts_with(canonical.join("fn-config"))
        });
        let all: Vec<Kustomization> = all
            .filter(|it| seen.insert(it.clone()))
            .filter_map(|it| Kustomization::read(&it))
            .collect();
        let of = |it: &Kustomization| relative(&canonical, &it.folder);
        let built = all.iter().filter(|it| !it.is_component);
        let mut named: Vec<(&Kustomization, String)> = built
            .clone()
            .filter_map(|it| Some((it, environment_in(&of(it))?)))
            .collect();
        if named.is_empty() {
            let child = |it: &Kustomization| {
                let path = of(it);
                let parts: Vec<&str> = path.split('/').collect();
                let at = parts.iter().position(|it| OF_OVERLAYS.contains(it))?;
                parts.get(at + 1).map(|it| (*it).to_owned())
            };
            named = built
                .clone()
                .filter_map(|it| Some((it, child(it)?)))
                .collect();
        }
        let used_by_named: BTreeSet<&PathBuf> =
            named.iter().flat_map(|(it, _)| &it.folders).collect();
        let with_pods = resources
            .iter()
            .filter(|it| Target::of(it, &[], &[]).is_ok_and(|it| it.containers().next().is_some()));
        let with_pods: BTreeSet<PathBuf> = with_pods
            .filter_map(|it| {
                let folder = manifests.texts[it.text]
                    .file
                    .as_deref()?
                    .parent()?
                    .canonicalize();
                folder.ok()
            })
            .collect();
        let by_folder: BTreeMap<&PathBuf, &Kustomization> =
            all.iter().map(|it| (&it.folder, it)).collect();
        // Whether it may have pods, which are here or in a base that is not.
        let has_pods = |it: &Kustomization| {
            let (mut open, mut seen) = (vec![&it.folder], BTreeSet::new());
            while let Some(folder) = open.pop() {
                let it = by_folder.get(folder);
                if it.is_none_or(|it| it.has_more)
                    || with_pods.iter().any(|it| it.starts_with(folder))
                {
                    return true;
                }
                if seen.insert(folder) {
                    open.extend(it.into_iter().flat_map(|it| &it.folders));
                }
            }
            false
        };
        let used: BTreeSet<&PathBuf> = all.iter().flat_map(|it| &it.folders).collect();
        for (it, environment) in &named {
            let folder = of(it);
            if used_by_named.contains(&it.folder)
                || !has_pods(it)
                || not_deployed(&canonical, &it.folder.join("x")).is_some()
            {
                continue;
            }
            if !is_plain(&folder) || !is_plain(environment) {
                odd.insert(folder);
                continue;
            }
            self.overlays.push(Overlay {
                folder,
                environment: environment.clone(),
                has_transformers: it.has_transformers,
            });
        }
        sorting::sort_by(&mut self.overlays, |a, b| {
            (rank(&a.environment), &a.folder).cmp(&(rank(&b.environment), &b.folder))
        });
        let others = built.filter(|it| !named.iter().any(|(named, _)| named.folder == it.folder));
        let others = others.filter(|it| !used.contains(&it.folder) && has_pods(it));
        let others = others.filter(|it| not_deployed(&canonical, &it.folder.join("x")).is_none());
        self.bases = others.map(of).filter(|it| is_plain(it)).collect();
        sorting::sort(&mut self.bases);
    }
}
