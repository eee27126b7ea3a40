//! Who gets which lane: the rules alone, without waiting.

use std::collections::VecDeque;

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// The one lane with a transaction of the action: its nonce is there and nowhere else (ACT-1).
    Only(usize),
    /// Any lane but those that were tried, to stop something.
    Stop {
        /// Places of the lanes that were tried.
        tried: Vec<usize>,
    },
    /// Any lane but those that were tried, to let go of something, which can wait.
    LetGo {
        /// Places of the lanes that were tried.
        tried: Vec<usize>,
    },
}

/// The lanes and those who wait, in the order in which they came.
#[derive(Debug)]
pub(super) struct Book {
    lanes: Vec<Standing>,
    waiting: VecDeque<(u64, Wish)>,
    next_ticket: u64,
}

#[derive(Debug, Clone, Default)]
struct Standing {
    busy: bool,
    /// What kept the last action off it.
    trouble: Option<String>,
}

impl Book {
    /// Lanes by their places, all free.
    pub(super) fn new(lanes: usize) -> Self {
        Self { lanes: vec![Standing::default(); lanes], waiting: VecDeque::new(), next_ticket: 0 }
    }

    /// Gets in line.
    pub(super) fn wait(&mut self, wish: Wish) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back((ticket, wish));
        ticket
    }

    /// Leaves the line.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.waiting.retain(|(one, _)| *one != ticket);
    }

    /// The lane for `ticket`, which is then busy and out of the line; none where it has to wait.
    pub(super) fn grant(&mut self, ticket: u64) -> Option<usize> {
        let (_, wish) = self.waiting.iter().find(|(one, _)| *one == ticket)?;
        let place = match wish {
            Wish::Only(place) => {
                let first =
                    self.waiting.iter().find(|(_, wish)| *wish == Wish::Only(*place))?.0 == ticket;
                (first && self.is_free(*place)).then_some(*place)
            }
            Wish::Stop { tried } => {
                // Those who came earlier get the better lanes.
                let stops =
                    self.waiting.iter().filter(|(_, wish)| matches!(wish, Wish::Stop { .. }));
                let earlier = stops.take_while(|(one, _)| *one != ticket).count();
                self.open(tried).get(earlier).copied()
            }
            Wish::LetGo { tried } => self.for_release(ticket, tried),
        }?;
        self.leave(ticket);
        self.lanes.get_mut(place)?.busy = true;
        Some(place)
    }

    /// Gives a lane back.
    pub(super) fn free(&mut self, place: usize) {
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.busy = false;
        }
    }

    /// Notes what kept an action off a lane; `None` once one went through.
    pub(super) fn note(&mut self, place: usize, trouble: Option<String>) {
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.trouble = trouble;
        }
    }

    /// Whether a lane is taken, and what kept the last action off it.
    pub(super) fn standing(&self, place: usize) -> (bool, Option<String>) {
        self.lanes.get(place).map_or((false, None), |lane| (lane.busy, lane.trouble.clone()))
    }

    /// Whether every lane was tried.
    pub(super) fn all_tried(&self, tried: &[usize]) -> bool {
        (0..self.lanes.len()).all(|place| tried.contains(&place))
    }

    /// A release takes a lane only where a healthy one stays for a pull that may come, and only behind all pulls that
    /// wait. Where there is one lane altogether, nothing else is left. It takes the last, the least preferred.
    fn for_release(&self, ticket: u64, tried: &[usize]) -> Option<usize> {
        let before_it = |(one, wish): &(u64, Wish)| match wish {
            Wish::Stop { .. } => true,
            Wish::LetGo { .. } => *one < ticket,
            Wish::Only(_) => false,
        };
        if self.waiting.iter().any(before_it) {
            return None;
        }
        let place = *self.open(tried).last()?;
        let healthy = |other: &usize| {
            *other != place && self.lanes.get(*other).is_some_and(|lane| lane.trouble.is_none())
        };
        (self.lanes.len() == 1 || self.open(&[]).iter().any(healthy)).then_some(place)
    }

    /// Free lanes that were not tried, those without trouble first. A lane whose own action waits for it is not free.
    fn open(&self, tried: &[usize]) -> Vec<usize> {
        let mut open: Vec<usize> = (0..self.lanes.len())
            .filter(|place| self.is_free(*place) && !tried.contains(place))
            .filter(|place| self.waiting.iter().all(|(_, wish)| *wish != Wish::Only(*place)))
            .collect();
        open.sort_by_key(|place| self.standing(*place).1.is_some());
        open
    }

    fn is_free(&self, place: usize) -> bool {
        self.lanes.get(place).is_some_and(|lane| !lane.busy)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stop() -> Wish {
        Wish::Stop { tried: Vec::new() }
    }

    fn let_go() -> Wish {
        Wish::LetGo { tried: Vec::new() }
    }

    fn asks(book: &mut Book, wish: Wish) -> (u64, Option<usize>) {
        let ticket = book.wait(wish);
        (ticket, book.grant(ticket))
    }

    #[test]
    fn a_release_never_takes_the_last_healthy_lane_and_stands_behind_pulls() {
        let mut book = Book::new(2);
        assert_eq!(asks(&mut book, let_go()).1, Some(1), "the least preferred");
        let (second, got) = asks(&mut book, let_go());
        assert_eq!(got, None, "the last one is for a pull");
        assert_eq!(asks(&mut book, stop()).1, Some(0));
        book.free(1);
        assert_eq!(book.grant(second), None, "still the last");
        book.free(0);
        book.note(0, Some("stuck".to_owned()));
        assert_eq!(book.grant(second), Some(0), "the one in trouble; the healthy one stays");
    }

    #[test]
    fn an_action_gets_its_own_lane_back_and_nobody_else_does() {
        let mut book = Book::new(2);
        assert_eq!(asks(&mut book, stop()).1, Some(0));
        let (own, got) = asks(&mut book, Wish::Only(0));
        assert_eq!(got, None);
        book.free(0);
        assert_eq!(asks(&mut book, stop()).1, Some(1), "lane 0 is spoken for");
        assert_eq!(asks(&mut book, stop()).1, None);
        assert_eq!(book.grant(own), Some(0));
    }

    #[test]
    fn a_lane_in_trouble_is_the_last_choice_and_a_tried_one_is_none() {
        let mut book = Book::new(3);
        book.note(0, Some("stuck".to_owned()));
        assert_eq!(asks(&mut book, stop()).1, Some(1));
        assert_eq!(asks(&mut book, Wish::Stop { tried: vec![0] }).1, Some(2));
        assert_eq!(asks(&mut book, stop()).1, Some(0));
        assert!(book.all_tried(&[2, 0, 1]) && !book.all_tried(&[0, 1]));
    }

    #[test]
    fn where_there_is_one_lane_all_take_turns() {
        let mut book = Book::new(1);
        assert_eq!(asks(&mut book, let_go()).1, Some(0));
        let (first, _) = asks(&mut book, let_go());
        let (second, _) = asks(&mut book, stop());
        book.free(0);
        assert_eq!(book.grant(first), None, "the pull goes first");
        assert_eq!(book.grant(second), Some(0));
    }

    proptest! {
        /// Whatever happens: no lane is given twice, and after a release took one, another healthy lane was free.
        #[test]
        fn no_lane_is_given_twice(
            lanes in 1_usize..5,
            steps in prop::collection::vec((0_u8..6, 0_usize..5), 1..200),
        ) {
            let mut book = Book::new(lanes);
            let mut waiting: Vec<(u64, bool)> = Vec::new();
            let mut held = std::collections::BTreeSet::new();
            for (step, number) in steps {
                let place = number % lanes;
                match step {
                    0 => waiting.push((book.wait(stop()), false)),
                    1 => waiting.push((book.wait(let_go()), true)),
                    2 => waiting.push((book.wait(Wish::Only(place)), false)),
                    3 => {
                        if held.remove(&place) {
                            book.free(place);
                        }
                    }
                    4 => book.note(place, (number > 2).then(|| "stuck".to_owned())),
                    _ => {
                        let mut rest = Vec::new();
                        for (ticket, is_release) in waiting {
                            match book.grant(ticket) {
                                None => rest.push((ticket, is_release)),
                                Some(got) => {
                                    prop_assert!(held.insert(got), "lane {got} twice");
                                    let other = |one: usize| {
                                        one != got && !held.contains(&one) && book.standing(one).1.is_none()
                                    };
                                    prop_assert!(!is_release || lanes == 1 || (0..lanes).any(other));
                                }
                            }
                        }
                        waiting = rest;
                    }
                }
            }
        }
    }
}
