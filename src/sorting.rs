//! Stable sorts of lists of any type with the code of one.
//!
//! Each use of the standard sorts is a copy of them of about 5 kB for its type. Here only indices are sorted, and then the
//! items are swapped to their places.

use std::cmp::Ordering;

/// Sorts a list. Equal items keep their order.
pub fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, Ord::cmp);
}

/// Sorts a list by a key of its items.
pub fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(list, |a, b| key(a).cmp(&key(b)));
}

/// Sorts a list by comparisons of its items.
pub fn sort_by<T>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    sort_by_index(list, |items, a, b| compare(&items[a], &items[b]));
}

/// Sorts a list by comparisons of its items, given by index: another list can have what is known about each.
pub fn sort_by_index<T>(list: &mut [T], compare: impl Fn(&[T], usize, usize) -> Ordering) {
    let items = &*list;
    let places = places(items.len(), &|a, b| compare(items, a, b));
    move_to(places, &mut |a, b| list.swap(a, b));
}

/// The place of each item; empty if all are in order.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    if (1..count).all(|at| compare(at - 1, at).is_le()) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| compare(*a, *b));
    let mut places = vec![0; count];
    for (place, at) in order.into_iter().enumerate() {
        places[at] = place;
    }
    places
}

/// Moves each item to its place.
fn move_to(mut places: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for at in 0..places.len() {
        while places[at] != at {
            let place = places[at];
            swap(at, place);
            places.swap(at, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_the_standard_sort(
            list in prop::collection::vec((0_u8..9, any::<u8>()), 0..60),
        ) {
            let (mut all, mut by_key) = (list.clone(), list.clone());
            sort(&mut all);
            sort_by_key(&mut by_key, |it| it.0);
            let (mut all_expected, mut by_key_expected) = (list.clone(), list);
            all_expected.sort();
            by_key_expected.sort_by_key(|it| it.0);
            prop_assert_eq!((all, by_key), (all_expected, by_key_expected));
        }
    }
}
