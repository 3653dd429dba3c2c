//! Choices that follow from the seed alone: a small generator, and decks whose every block of thirty holds the same cards.
//!
//! It must never be used for keys, ids of the log or anything else that has to be secret.

/// Reports in one block; every block has the same spread.
pub const BLOCK_REPORTS: usize = 30;

/// SplitMix64: a well-known generator of a few lines, good enough to spread made-up data.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// A generator for one purpose under a seed.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut mixed = Self(seed);
        let start = mixed.next() ^ purpose.wrapping_mul(0xd134_2543_de82_ef95);
        Self(start)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` to before `until`; the small bias of the remainder does not matter here.
    pub fn between(&mut self, from: i64, until: i64) -> i64 {
        let span = u64::try_from(until.saturating_sub(from)).unwrap_or(0).max(1);
        from.saturating_add(i64::try_from(self.next() % span).unwrap_or(0))
    }

    /// A place in a list of this length.
    pub fn place(&mut self, length: usize) -> usize {
        let span = u64::try_from(length.max(1)).unwrap_or(1);
        usize::try_from(self.next() % span).unwrap_or(0)
    }

    /// One of a list that is not empty.
    pub fn one_of<T: Copy>(&mut self, list: &[T], otherwise: T) -> T {
        list.get(self.place(list.len())).copied().unwrap_or(otherwise)
    }
}

/// The card of a report: each block of thirty deals the whole deck, in an order of its own.
///
/// `deck` names each card with how often it lies in the deck; what is missing to thirty is filled with the first card.
pub fn deal<T: Copy>(seed: u64, purpose: u64, deck: &[(T, usize)], report: usize, otherwise: T) -> T {
    let block = u64::try_from(report / BLOCK_REPORTS).unwrap_or(0);
    let mut chance = Chance::new(seed, purpose.wrapping_mul(1_000_003).wrapping_add(block));
    let mut cards: Vec<T> = deck.iter().flat_map(|(card, times)| std::iter::repeat_n(*card, *times)).collect();
    let first = deck.first().map_or(otherwise, |(card, _)| *card);
    cards.resize(BLOCK_REPORTS, first);
    for last in (1..cards.len()).rev() {
        cards.swap(last, chance.place(last + 1));
    }
    cards.get(report % BLOCK_REPORTS).copied().unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_holds_every_card_as_often_as_the_deck() {
        let deck = [('a', 20), ('b', 9), ('c', 1)];
        for block in 0..4 {
            let dealt: Vec<char> = (0..BLOCK_REPORTS).map(|place| deal(7, 1, &deck, block * BLOCK_REPORTS + place, '-')).collect();
            for (card, times) in deck {
                assert_eq!(dealt.iter().filter(|found| **found == card).count(), times, "{card}");
            }
        }
    }

    #[test]
    fn the_same_seed_deals_the_same_and_another_seed_does_not() {
        let deck = [(0, 10), (1, 10), (2, 10)];
        let dealt = |seed| (0..90).map(|report| deal(seed, 3, &deck, report, 9)).collect::<Vec<_>>();
        assert_eq!(dealt(1), dealt(1));
        assert_ne!(dealt(1), dealt(2));
    }
}
