//! Sorting, and a heap, that cannot panic: the standard one links a panic for orders that contradict themselves.
//!
//! A heap sort: in place, no recursion, `2 n log2(n)` comparisons, not stable (put the position into the key).

use heapless::Vec;

use crate::bounded::Bounded;

/// Sorts by a key, smallest first. A key that contradicts itself yields some order of the same items.
pub(crate) fn sort_by_key<T: Copy, K: Ord>(items: &mut [T], key: impl Fn(T) -> K) {
    for root in (0..items.len() / 2).rev() {
        sift_down(items, root, &key);
    }
    for end in (1..items.len()).rev() {
        swap(items, 0, end);
        if let Some(heap) = items.get_mut(..end) {
            sift_down(heap, 0, &key);
        }
    }
}

/// Adds an item to a heap whose greatest item is in front; without room for it, nothing happens.
pub(crate) fn heap_push<T: Copy + Ord, const N: usize>(heap: &mut Vec<T, N>, item: T) {
    let mut place = heap.len();
    if heap.put(item).is_err() {
        return;
    }
    while place > 0 {
        let above = place.saturating_sub(1) / 2;
        if heap.get(above) >= heap.get(place) {
            return;
        }
        swap(heap, above, place);
        place = above;
    }
}

/// Takes the greatest item out of a heap.
pub(crate) fn heap_pop<T: Copy + Ord, const N: usize>(heap: &mut Vec<T, N>) -> Option<T> {
    let greatest = heap.take_out(0)?;
    sift_down(heap, 0, &|item| item);
    Some(greatest)
}

/// Lets the item at the root sink below every greater one.
fn sift_down<T: Copy, K: Ord>(heap: &mut [T], mut root: usize, key: &impl Fn(T) -> K) {
    let key_at = |heap: &[T], at: usize| heap.get(at).map(|item| key(*item));
    loop {
        let left = root.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        // An absent right child is `None`, which is less than any key.
        let child = if key_at(heap, right) > key_at(heap, left) { right } else { left };
        if key_at(heap, child) <= key_at(heap, root) {
            return;
        }
        swap(heap, root, child);
        root = child;
    }
}

fn swap<T: Copy>(items: &mut [T], a: usize, b: usize) {
    let (Some(first), Some(second)) = (items.get(a).copied(), items.get(b).copied()) else { return };
    for (at, item) in [(a, second), (b, first)] {
        if let Some(slot) = items.get_mut(at) {
            *slot = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_heap_hands_out_the_greatest_first() {
        let mut heap = heapless::Vec::<u32, 300>::new();
        for at in 0..301u32 {
            heap_push(&mut heap, at.wrapping_mul(2_654_435_761) >> 22);
        }
        let out: Vec<u32> = core::iter::from_fn(|| heap_pop(&mut heap)).collect();
        assert!(out.is_sorted_by(|before, after| before >= after), "{out:?}");
        assert_eq!(out.len(), 300);
    }

    #[test]
    fn every_arrangement_of_seven_is_sorted() {
        for arrangement in 0..7u32.pow(7) {
            let mut items: Vec<u32> = (0..7).map(|place| arrangement / 7u32.pow(place) % 7).collect();
            let mut expected = items.clone();
            expected.sort_unstable_by_key(|item| core::cmp::Reverse(*item));
            sort_by_key(&mut items, core::cmp::Reverse);
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn all_lengths_are_sorted() {
        for len in 0..300u32 {
            let mut items: Vec<u32> = (0..len).map(|at| at.wrapping_mul(2_654_435_761) >> 20).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            sort_by_key(&mut items, |item| item);
            assert_eq!(items, expected);
        }
    }
}
