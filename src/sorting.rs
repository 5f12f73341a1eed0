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
    let items = &*list;
    let places = places(items.len(), &|a, b| compare(&items[a], &items[b]));
    move_to(places, &mut |a, b| list.swap(a, b));
}

/// Sorts a list by the number of each item, and items with the same number by comparisons. The numbers are small.
pub fn sort_by_number<T>(list: &mut [T], numbers: &[usize], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = by_number(numbers);
    for same in order.chunk_by_mut(|a, b| numbers[*a] == numbers[*b]) {
        sort_order(same, &|a, b| compare(&list[a], &list[b]));
    }
    move_to(places_of(&order), &mut |a, b| list.swap(a, b));
}

/// The place of each item; empty if all are in order.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    if (1..count).all(|at| compare(at - 1, at).is_le()) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..count).collect();
    sort_order(&mut order, compare);
    places_of(&order)
}

/// Sorts indices by comparisons of their items.
fn sort_order(order: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    order.sort_by(|a, b| compare(*a, *b));
}

/// The indices of items, sorted by the number of each.
fn by_number(numbers: &[usize]) -> Vec<usize> {
    let most = numbers.iter().max().map_or(0, |it| it + 1);
    let mut ends = vec![0; most];
    numbers.iter().for_each(|it| ends[*it] += 1);
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut order = vec![0; numbers.len()];
    for (at, number) in numbers.iter().enumerate().rev() {
        ends[*number] -= 1;
        order[ends[*number]] = at;
    }
    order
}

/// The place of each item of a list in this order.
fn places_of(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (place, at) in order.iter().enumerate() {
        places[*at] = place;
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
            let mut by_number = list.clone();
            let numbers: Vec<usize> = list.iter().map(|it| usize::from(it.0)).collect();
            sort_by_number(&mut by_number, &numbers, |a, b| a.1.cmp(&b.1));
            let (mut all_expected, mut by_key_expected) = (list.clone(), list);
            all_expected.sort();
            by_key_expected.sort_by_key(|it| it.0);
            prop_assert_eq!(&by_number, &all_expected);
            prop_assert_eq!((all, by_key), (all_expected, by_key_expected));
        }
    }
}
