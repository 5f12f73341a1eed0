//! Work on many items on all cores, with the results in the order of the items.
//!
//! `RAYON_NUM_THREADS` sets the number of threads. Where the system starts no threads, one does all the work.

use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

/// Fewer items than this are not worth the start of threads.
const FEW: usize = 32;

/// Fewer objects than this are not worth the start of threads.
const ENOUGH: usize = 256;

/// Moves items to the end of a list. An empty list becomes theirs: long lists are not copied.
pub fn append<T>(list: &mut Vec<T>, mut items: Vec<T>) {
    match list.is_empty() {
        true => *list = items,
        false => list.append(&mut items),
    }
}

/// The results for the indices up to a count, in their order.
pub fn map<R: Send>(count: usize, of: &(dyn Fn(usize) -> R + Sync)) -> Vec<R> {
    match count < FEW {
        true => (0..count).map(of).collect(),
        false => map_all(count, of),
    }
}

/// The same for a few items with much work.
pub fn map_all<R: Send>(count: usize, of: &(dyn Fn(usize) -> R + Sync)) -> Vec<R> {
    let slots: Vec<Mutex<Option<R>>> = (0..count).map(|_| Mutex::new(None)).collect();
    each(count, &|at| {
        let result = of(at);
        *slots[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    let slots = slots.into_iter();
    let results = slots.map(|it| it.into_inner().unwrap_or_else(PoisonError::into_inner));
    results.flatten().collect()
}

/// Ranges that together are all indices of so many objects: one, or if there are enough that may be shared, several for each
/// thread.
pub fn parts(count: usize, may_share: bool) -> Vec<Range<usize>> {
    let threads = match may_share && count >= ENOUGH && start(0) {
        true => rayon::current_num_threads(),
        false => 1,
    };
    let parts = if threads == 1 { 1 } else { 4 * threads };
    let ends = (0..=parts).map(|at| count * at / parts);
    let ends: Vec<usize> = ends.collect();
    ends.windows(2).map(|it| it[0]..it[1]).collect()
}

/// The results for the [`parts`], in their order.
pub fn map_parts<R: Send>(
    count: usize,
    may_share: bool,
    of: &(dyn Fn(Range<usize>) -> R + Sync),
) -> Vec<R> {
    match parts(count, may_share).as_slice() {
        [part] => vec![of(part.clone())],
        parts => map_all(parts.len(), &|at| of(parts[at].clone())),
    }
}

/// The number of the thread that shares work; `None` for the one that waits for them.
pub fn thread() -> Option<usize> {
    rayon::current_thread_index()
}

/// Starts this number of threads, or with 0 as many as the machine has cores. Only the first call has an effect; returns whether
/// there are threads.
pub fn start(threads: usize) -> bool {
    static HAS_THREADS: OnceLock<bool> = OnceLock::new();
    *HAS_THREADS.get_or_init(|| {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads);
        threads.build_global().is_ok()
    })
}

/// Compiled once, because every other use of rayon is a copy of its scheduler's code.
fn each(count: usize, work: &(dyn Fn(usize) + Sync)) {
    match start(0) {
        true => (0..count).into_par_iter().for_each(work),
        false => (0..count).for_each(work),
    }
}
