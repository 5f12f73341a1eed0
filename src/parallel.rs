//! Work on many items on all cores, with the results in the order of the items.
//!
//! `RAYON_NUM_THREADS` sets the number of threads.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// Fewer items than this are not worth the start of threads.
const FEW: usize = 32;

/// The results for the indices up to a count, in their order.
pub fn map<R: Send>(count: usize, of: &(dyn Fn(usize) -> R + Sync)) -> Vec<R> {
    if count < FEW {
        return (0..count).map(of).collect();
    }
    let slots: Vec<Mutex<Option<R>>> = (0..count).map(|_| Mutex::new(None)).collect();
    each(count, &|at| {
        let result = of(at);
        *slots[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    let slots = slots.into_iter();
    let results = slots.map(|it| it.into_inner().unwrap_or_else(PoisonError::into_inner));
    results.flatten().collect()
}

/// Compiled once, because every other use of rayon is a copy of its scheduler's code.
fn each(count: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().for_each(work);
}
