//! Who goes next: priorities within a lane, turns between lanes.
//!
//! A *lane* is everything that shares the connections of one origin and route. A lane has room
//! for so many exchanges at once; the whole schedule may have a limit too. Within a lane the
//! order is priority, then arrival. Between lanes that compete for the overall limit it is
//! strictly in turn, so that no origin can starve another whatever priorities it claims.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};

/// How urgent a request is among those that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    High,
    /// The usual.
    #[default]
    Normal,
    /// After all others.
    Low,
}

impl Priority {
    /// The urgency parameter of RFC 9218 §4.1 that corresponds to it.
    #[must_use]
    pub fn urgency(self) -> u8 {
        match self {
            Self::High => 1,
            Self::Normal => 3,
            Self::Low => 5,
        }
    }
}

/// A waiting request's place, with which it can be moved or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    priority: Priority,
    arrival: u64,
}

/// What became of a request that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It may go at once.
    Go,
    /// It waits here.
    Wait(Place),
}

/// How many go and wait in one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Going now.
    pub active: usize,
    /// Waiting, by priority: high, normal, low.
    pub waiting: [usize; 3],
}

/// The order of all requests; `T` is what wakes a waiting one.
#[derive(Debug)]
pub struct Schedule<K, T, S = RandomState> {
    lanes: HashMap<K, Lane<T>, S>,
    /// Lanes with somebody waiting and room for them, in the order of their turns.
    turns: BTreeMap<u64, K>,
    turns_given: u64,
    /// Of all lanes together.
    counts: Counts,
    most: usize,
    usual_room: usize,
    arrivals: u64,
}

#[derive(Debug)]
struct Lane<T> {
    waiting: BTreeMap<Place, T>,
    counts: Counts,
    room: usize,
    /// Where it stands among the turns.
    turn: Option<u64>,
}

impl<K: Clone + Eq + Hash, T, S: BuildHasher + Default> Schedule<K, T, S> {
    /// A schedule whose lanes have `room` each and that lets at most `most` go at once.
    #[must_use]
    pub fn new(room: usize, most: usize) -> Self {
        Self {
            lanes: HashMap::default(),
            turns: BTreeMap::new(),
            turns_given: 0,
            counts: Counts::default(),
            most: most.max(1),
            usual_room: room.max(1),
            arrivals: 0,
        }
    }

    /// Takes a request in; `waiter` is only called if it has to wait.
    ///
    /// All who can be granted something have to be granted it before the next request is taken in:
    /// then whoever waits although the overall limit leaves room is in a full lane, and an arrival
    /// in another lane overtakes nobody.
    pub fn arrive(&mut self, key: &K, priority: Priority, waiter: impl FnOnce() -> T) -> Arrival {
        let may_go = self.counts.active < self.most;
        if !self.lanes.contains_key(key) {
            self.lanes.insert(key.clone(), Lane::new(self.usual_room));
        }
        let Some(lane) = self.lanes.get_mut(key) else { unreachable!("inserted above") };
        if may_go && lane.has_room() && lane.waiting.is_empty() {
            lane.counts.active += 1;
            self.counts.active += 1;
            return Arrival::Go;
        }
        self.arrivals += 1;
        let place = Place { priority, arrival: self.arrivals };
        lane.waiting.insert(place, waiter());
        lane.counts.waiting[priority as usize] += 1;
        self.counts.waiting[priority as usize] += 1;
        self.settle(key);
        Arrival::Wait(place)
    }

    /// Gives back the turn of a request that has ended.
    pub fn leave(&mut self, key: &K) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.counts.active = lane.counts.active.saturating_sub(1);
            self.counts.active = self.counts.active.saturating_sub(1);
            self.settle(key);
        }
    }

    /// Takes a waiting request out; nothing if it had got its turn already.
    pub fn cancel(&mut self, key: &K, place: Place) -> Option<T> {
        let lane = self.lanes.get_mut(key)?;
        let waiter = lane.waiting.remove(&place)?;
        lane.counts.waiting[place.priority as usize] -= 1;
        self.counts.waiting[place.priority as usize] -= 1;
        self.settle(key);
        Some(waiter)
    }

    /// Moves a waiting request to another priority; it keeps its arrival. Nothing if it had got
    /// its turn already.
    pub fn change(&mut self, key: &K, place: Place, priority: Priority) -> Option<Place> {
        let lane = self.lanes.get_mut(key)?;
        let waiter = lane.waiting.remove(&place)?;
        let moved = Place { priority, ..place };
        lane.waiting.insert(moved, waiter);
        for counts in [&mut lane.counts, &mut self.counts] {
            counts.waiting[place.priority as usize] -= 1;
            counts.waiting[priority as usize] += 1;
        }
        Some(moved)
    }

    /// Says how many exchanges a lane can carry, once that is known (an h2 connection's streams).
    pub fn set_room(&mut self, key: &K, room: usize) {
        let usual_room = self.usual_room;
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane::new(usual_room));
        lane.room = room.max(1);
        self.settle(key);
    }

    /// Gives a lane its usual room back.
    pub fn reset_room(&mut self, key: &K) {
        if self.lanes.contains_key(key) {
            self.set_room(key, self.usual_room);
        }
    }

    /// The next request that may go, if any; ask until there is none.
    pub fn grant_next(&mut self) -> Option<T> {
        if self.counts.active >= self.most {
            return None;
        }
        let (_, key) = self.turns.pop_first()?;
        let lane = self.lanes.get_mut(&key)?;
        lane.turn = None;
        let (place, waiter) = lane.waiting.pop_first()?;
        for counts in [&mut lane.counts, &mut self.counts] {
            counts.waiting[place.priority as usize] -= 1;
            counts.active += 1;
        }
        self.settle(&key);
        Some(waiter)
    }

    /// How many go and wait in the lane of `key`.
    #[must_use]
    pub fn counts(&self, key: &K) -> Counts {
        self.lanes.get(key).map(|lane| lane.counts).unwrap_or_default()
    }

    /// How many go and wait in all lanes together.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.counts
    }

    /// After a change: a lane stands among the turns as long as somebody could have one there, and
    /// is forgotten when nobody uses it and it has nothing to remember.
    fn settle(&mut self, key: &K) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let wants_turn = lane.has_room() && !lane.waiting.is_empty();
        match lane.turn {
            None if wants_turn => {
                self.turns_given += 1;
                lane.turn = Some(self.turns_given);
                self.turns.insert(self.turns_given, key.clone());
            }
            Some(turn) if !wants_turn => {
                lane.turn = None;
                self.turns.remove(&turn);
            }
            _ => {}
        }
        if lane.is_idle() && lane.room == self.usual_room {
            self.lanes.remove(key);
        }
    }
}

impl<T> Lane<T> {
    fn new(room: usize) -> Self {
        Self { waiting: BTreeMap::new(), counts: Counts::default(), room, turn: None }
    }

    fn has_room(&self) -> bool {
        self.counts.active < self.room
    }

    fn is_idle(&self) -> bool {
        self.counts.active == 0 && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(schedule: &mut Schedule<&'static str, u32>, key: &'static str, n: u32) -> Arrival {
        schedule.arrive(&key, Priority::Normal, || n)
    }

    #[test]
    fn six_go_at_once_and_the_rest_waits() {
        let mut schedule = Schedule::new(6, usize::MAX);
        for n in 0..6 {
            assert_eq!(arrive(&mut schedule, "a", n), Arrival::Go);
        }
        assert!(matches!(arrive(&mut schedule, "a", 6), Arrival::Wait(_)));
        assert_eq!(schedule.grant_next(), None);
        assert_eq!(schedule.counts(&"a"), Counts { active: 6, waiting: [0, 1, 0] });
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(6));
    }

    #[test]
    fn priority_comes_first_then_arrival() {
        let mut schedule = Schedule::new(1, usize::MAX);
        arrive(&mut schedule, "a", 0);
        schedule.arrive(&"a", Priority::Low, || 1);
        schedule.arrive(&"a", Priority::Normal, || 2);
        schedule.arrive(&"a", Priority::High, || 3);
        schedule.arrive(&"a", Priority::Normal, || 4);
        schedule.arrive(&"a", Priority::High, || 5);
        let mut order = Vec::new();
        for _ in 0..5 {
            schedule.leave(&"a");
            order.extend(schedule.grant_next());
        }
        assert_eq!(order, [3, 5, 2, 4, 1]);
    }

    #[test]
    fn lanes_take_turns_under_an_overall_limit_whatever_their_priorities() {
        let mut schedule = Schedule::new(6, 1);
        arrive(&mut schedule, "a", 0);
        for n in 0..3 {
            schedule.arrive(&"a", Priority::High, || 10 + n);
        }
        schedule.arrive(&"b", Priority::Low, || 20);
        let mut order = Vec::new();
        let mut last = "a";
        for _ in 0..4 {
            schedule.leave(&last);
            let next = schedule.grant_next().unwrap();
            last = if next == 20 { "b" } else { "a" };
            order.push(next);
        }
        assert_eq!(order, [10, 20, 11, 12]);
    }

    #[test]
    fn a_new_arrival_does_not_overtake_those_who_wait_for_the_overall_limit() {
        let mut schedule = Schedule::new(6, 1);
        arrive(&mut schedule, "a", 0);
        arrive(&mut schedule, "a", 1);
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(1));
        assert!(matches!(arrive(&mut schedule, "b", 2), Arrival::Wait(_)));
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(2));
    }

    #[test]
    fn a_full_lane_holds_up_no_idle_one_under_an_overall_limit() {
        let mut schedule = Schedule::new(6, 20);
        for n in 0..6 {
            assert_eq!(arrive(&mut schedule, "a", n), Arrival::Go);
        }
        assert!(matches!(arrive(&mut schedule, "a", 6), Arrival::Wait(_)));
        assert_eq!(schedule.grant_next(), None);
        assert_eq!(arrive(&mut schedule, "b", 7), Arrival::Go);
    }

    #[test]
    fn a_waiting_request_can_change_its_mind() {
        let mut schedule = Schedule::new(1, usize::MAX);
        arrive(&mut schedule, "a", 0);
        let Arrival::Wait(first) = arrive(&mut schedule, "a", 1) else { panic!() };
        let Arrival::Wait(second) = arrive(&mut schedule, "a", 2) else { panic!() };
        let Arrival::Wait(third) = arrive(&mut schedule, "a", 3) else { panic!() };
        schedule.change(&"a", third, Priority::High).unwrap();
        assert_eq!(schedule.cancel(&"a", second), Some(2));
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(3));
        assert_eq!(schedule.change(&"a", third, Priority::Low), None);
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(1));
        assert_eq!(schedule.cancel(&"a", first), None);
    }

    #[test]
    fn more_room_lets_more_go_and_an_idle_lane_is_forgotten() {
        let mut schedule = Schedule::new(1, usize::MAX);
        arrive(&mut schedule, "a", 0);
        arrive(&mut schedule, "a", 1);
        arrive(&mut schedule, "a", 2);
        schedule.set_room(&"a", 100);
        assert_eq!(schedule.grant_next(), Some(1));
        assert_eq!(schedule.grant_next(), Some(2));
        for _ in 0..3 {
            schedule.leave(&"a");
        }
        assert_eq!(schedule.lanes.len(), 1);
        schedule.reset_room(&"a");
        assert!(schedule.lanes.is_empty());
        assert_eq!(schedule.total(), Counts::default());
    }

    #[test]
    fn a_lane_has_a_turn_only_while_it_has_a_waiter_and_room_for_it() {
        let mut schedule = Schedule::new(1, 2);
        arrive(&mut schedule, "a", 0);
        arrive(&mut schedule, "a", 1);
        assert!(schedule.turns.is_empty());
        arrive(&mut schedule, "b", 2);
        let Arrival::Wait(place) = arrive(&mut schedule, "c", 3) else { panic!() };
        assert_eq!(schedule.turns.len(), 1);
        schedule.cancel(&"c", place);
        assert!(schedule.turns.is_empty());
        schedule.leave(&"a");
        assert_eq!(schedule.turns.len(), 1);
        assert_eq!(schedule.grant_next(), Some(1));
        assert!(schedule.turns.is_empty());
    }

    #[test]
    fn the_counts_follow_whatever_happens() {
        let mut schedule = Schedule::new(1, usize::MAX);
        arrive(&mut schedule, "a", 0);
        let Arrival::Wait(first) = arrive(&mut schedule, "a", 1) else { panic!() };
        let Arrival::Wait(second) = arrive(&mut schedule, "a", 2) else { panic!() };
        arrive(&mut schedule, "b", 3);
        let second = schedule.change(&"a", second, Priority::High).unwrap();
        assert_eq!(schedule.counts(&"a"), Counts { active: 1, waiting: [1, 1, 0] });
        assert_eq!(schedule.total(), Counts { active: 2, waiting: [1, 1, 0] });
        schedule.cancel(&"a", first);
        schedule.cancel(&"a", first);
        assert_eq!(schedule.counts(&"a"), Counts { active: 1, waiting: [1, 0, 0] });
        schedule.leave(&"a");
        assert_eq!(schedule.grant_next(), Some(2));
        assert_eq!(schedule.change(&"a", second, Priority::Low), None);
        assert_eq!(schedule.total(), Counts { active: 2, waiting: [0; 3] });
    }
}
