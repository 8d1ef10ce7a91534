//! Going back and forward through places: what is in view, what is searched for and what is filtered.
//!
//! A place counts once nothing has moved for a moment, so that a drag, a flight or a typed word is one step. Selections,
//! labels and groups are no part of it: they are undone.

use std::sync::Arc;

use super::asked_query::AskedQuery;
use crate::context::viewpoint::Viewpoint;
use crate::context::{CentralView, Selection, State};

/// So long nothing moves at a place that counts, seconds.
const REST_SECS: f64 = 0.7;
/// Places kept in each direction.
const PLACES: usize = 60;

/// What is in view, searched for and filtered.
#[derive(Clone)]
pub struct Place {
    /// The part of the map; `None` where it shows all points.
    pub view: Option<Viewpoint>,
    /// Map or gallery.
    pub central: CentralView,
    /// The selection that the gallery lists.
    pub pinned: Option<Arc<Selection>>,
    /// The search and the filter.
    pub query: AskedQuery,
}

impl Place {
    fn of(state: &State, view: Option<Viewpoint>) -> Self {
        let library = state.library();
        Self {
            view,
            central: state.preferences.central_view,
            pinned: library.gallery.pinned.clone(),
            query: AskedQuery::of(&library.query),
        }
    }

    fn is(&self, state: &State, view: Option<Viewpoint>) -> bool {
        let library = state.library();
        let same_view = match (&self.view, &view) {
            (Some(a), Some(b)) => a.is_near(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let stamp = |pinned: &Option<Arc<Selection>>| pinned.as_ref().map(|selection| selection.stamp());
        (same_view || !self.central.shows_map())
            && self.central == state.preferences.central_view
            && stamp(&self.pinned) == stamp(&library.gallery.pinned)
            && self.query.is(&library.query)
    }
}

/// Places that were left, and those that "Go back" has left.
#[derive(Default)]
pub struct Navigation {
    past: Vec<Place>,
    future: Vec<Place>,
    here: Option<Place>,
    /// Where things are now if that is another place, and since when.
    moved: Option<(Place, f64)>,
}

impl Navigation {
    /// Call in every frame. Returns after how many seconds to call again, if something has moved just now.
    pub fn follow(&mut self, state: &State, view: Option<Viewpoint>, now: f64) -> Option<f64> {
        let Some(here) = &self.here else {
            self.here = Some(Place::of(state, view));
            return None;
        };
        if here.is(state, view) {
            self.moved = None;
            return None;
        }
        let since = self.moved.as_ref().filter(|(place, _)| place.is(state, view)).map(|(_, since)| *since);
        match since {
            Some(since) if now - since >= REST_SECS => {
                self.arrive(Place::of(state, view));
                None
            }
            Some(since) => Some(REST_SECS - (now - since)),
            None => {
                self.moved = Some((Place::of(state, view), now));
                Some(REST_SECS)
            }
        }
    }

    fn arrive(&mut self, place: Place) {
        self.moved = None;
        self.future.clear();
        self.past.extend(self.here.replace(place));
        let beyond = self.past.len().saturating_sub(PLACES);
        self.past.drain(..beyond);
    }

    /// Whether there is a place to go back to, and one to go forward to.
    pub fn can(&self) -> [bool; 2] {
        [!self.past.is_empty() || self.moved.is_some(), !self.future.is_empty() && self.moved.is_none()]
    }

    /// The place to go to, if any.
    pub fn go(&mut self, state: &State, view: Option<Viewpoint>, back: bool) -> Option<Place> {
        let here = self.here.as_ref()?;
        if !here.is(state, view) {
            self.arrive(Place::of(state, view));
        }
        let (from, to) = if back { (&mut self.past, &mut self.future) } else { (&mut self.future, &mut self.past) };
        let place = from.pop()?;
        to.extend(self.here.replace(place.clone()));
        self.moved = None;
        Some(place)
    }

    /// Drops the pictures of all chips, which are made again at their place.
    pub fn forget_textures(&mut self) {
        let moved = self.moved.iter_mut().map(|(place, _)| place);
        let places = self.past.iter_mut().chain(&mut self.future).chain(&mut self.here).chain(moved);
        places.for_each(|place| place.query.forget_textures());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, x: f64) -> (State, Option<Viewpoint>) {
        let mut state = State::default();
        text.clone_into(&mut state.library_mut().query.text);
        (state, Some(Viewpoint { centre_in_map: [x, 0.0], points_per_unit: 100.0 }))
    }

    /// Where a step leads: the words and the position of the view.
    fn step(
        navigation: &mut Navigation,
        (state, view): &(State, Option<Viewpoint>),
        back: bool,
    ) -> Option<(String, f64)> {
        let place = navigation.go(state, *view, back)?;
        let mut query = crate::context::QueryState::default();
        place.query.restore(&mut query);
        Some((query.text, place.view.map_or(0.0, |view| view.centre_in_map[0])))
    }

    #[test]
    fn what_moves_is_one_step_once_it_rests() {
        let mut navigation = Navigation::default();
        let follow = |navigation: &mut Navigation, text, x, now| {
            let (state, view) = at(text, x);
            navigation.follow(&state, view, now)
        };
        assert_eq!(follow(&mut navigation, "", 0.0, 0.0), None);
        // A word is typed, then the map is dragged.
        for (now, text) in [(1.0, "d"), (1.2, "do"), (1.4, "dog")] {
            assert_eq!(follow(&mut navigation, text, 0.0, now), Some(REST_SECS));
        }
        assert!(navigation.can() == [true, false] && navigation.past.is_empty());
        assert_eq!(follow(&mut navigation, "dog", 0.0, 2.2), None);
        for now in 0..5 {
            follow(&mut navigation, "dog", f64::from(now), 3.0 + f64::from(now) * 0.1);
        }
        follow(&mut navigation, "dog", 4.0, 9.0);
        assert_eq!(navigation.past.len(), 2);
        let far = at("dog", 4.0);
        assert_eq!(step(&mut navigation, &far, true), Some(("dog".to_owned(), 0.0)));
        let dog = at("dog", 0.0);
        assert_eq!(step(&mut navigation, &dog, true), Some((String::new(), 0.0)));
        let start = at("", 0.0);
        assert_eq!(step(&mut navigation, &start, true), None);
        assert_eq!(step(&mut navigation, &start, false), Some(("dog".to_owned(), 0.0)));
        assert_eq!(step(&mut navigation, &dog, false), Some(("dog".to_owned(), 4.0)));
        assert_eq!(navigation.can(), [true, false]);
    }

    #[test]
    fn a_place_that_was_left_at_once_is_gone_back_to_and_a_new_one_ends_the_way_forward() {
        let mut navigation = Navigation::default();
        let (start, cat) = (at("", 0.0), at("cat", 0.0));
        navigation.follow(&start.0, start.1, 0.0);
        assert_eq!(step(&mut navigation, &cat, true), Some((String::new(), 0.0)), "though it has not rested");
        assert_eq!(navigation.can(), [false, true]);
        let dog = at("dog", 0.0);
        navigation.follow(&dog.0, dog.1, 1.0);
        assert_eq!(navigation.can(), [true, false]);
        assert_eq!(step(&mut navigation, &dog, false), None);
        for number in 0..200_u32 {
            let (state, view) = at(&number.to_string(), 0.0);
            navigation.follow(&state, view, f64::from(number));
            navigation.follow(&state, view, f64::from(number) + 0.9);
        }
        assert_eq!(navigation.past.len(), PLACES);
    }
}
