//! Answers about names, kept for as long as they are good.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Answers by their questions, at most a thousand.
#[derive(Clone, Debug)]
pub struct NameCache<K, V> {
    kept: HashMap<K, (V, Instant)>,
}

impl<K, V> Default for NameCache<K, V> {
    fn default() -> Self {
        Self { kept: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone, V> NameCache<K, V> {
    /// Keeps an answer until it is this old; one that is good for no time is not kept.
    pub fn keep(&mut self, question: K, answer: V, good_for: Duration, now: Instant) {
        if good_for.is_zero() {
            return;
        }
        if self.kept.len() >= MOST_KEPT {
            self.kept.retain(|_, (_, until)| *until > now);
        }
        if self.kept.len() >= MOST_KEPT {
            // All are good: the one that ends first gives way.
            let first = self.kept.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(first) = first.map(|(question, _)| question.clone()) {
                self.kept.remove(&first);
            }
        }
        self.kept.insert(question, (answer, now + good_for));
    }

    /// The answer to a question and how much longer it is good, if one is kept.
    pub fn find<Q>(&self, question: &Q, now: Instant) -> Option<(&V, Duration)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (answer, until) = self.kept.get(question)?;
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some((answer, left))
    }

    /// Forgets the answers whose questions are such.
    pub fn forget(&mut self, mut is_such: impl FnMut(&K) -> bool) {
        self.kept.retain(|question, _| !is_such(question));
    }
}

const MOST_KEPT: usize = 1000;

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Some moment to begin with.
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_answer_is_good_for_its_time_and_not_a_moment_longer() {
        let (mut cache, now) = (NameCache::default(), Instant::now());
        cache.keep("a", 1, 10 * SECOND, now);
        cache.keep("b", 2, Duration::ZERO, now);
        assert_eq!(cache.find("a", now + 4 * SECOND), Some((&1, 6 * SECOND)));
        assert_eq!(cache.find("a", now + 10 * SECOND), None);
        assert_eq!(cache.find("b", now), None);
        cache.forget(|question| *question == "a");
        assert_eq!(cache.find("a", now), None);
    }

    #[test]
    fn when_it_is_full_the_answer_that_ends_first_gives_way() {
        let (mut cache, now) = (NameCache::default(), Instant::now());
        for number in 0..MOST_KEPT as u32 + 1 {
            cache.keep(number, (), SECOND * (number + 1), now);
        }
        assert_eq!(cache.kept.len(), MOST_KEPT);
        assert_eq!(cache.find(&0, now), None);
        assert!(cache.find(&1, now).is_some());
    }
}
