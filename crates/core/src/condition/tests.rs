//! Conditions read, written and evaluated.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::error::{ConditionError, Problem};
use super::field::Field;
use jiff::tz::TimeZone;

use super::*;
use crate::table::{TableBuilder, TableFormat, TableSet};
use crate::{ContentHash, ItemGroup, ItemGroups, ItemId, Modality, Part, PhotoSummary};

fn parsed(text: &str) -> Condition {
    Condition::parse(text, &TimeZone::UTC).unwrap_or_else(|error| panic!("{error}\n{}", error.marked(text)))
}

fn error(text: &str) -> ConditionError {
    match Condition::parse(text, &TimeZone::UTC) {
        Err(error) => error,
        Ok(condition) => panic!("{text} was read as {condition}"),
    }
}

fn item(path: &str) -> Item {
    Item {
        id: ItemId(0),
        path: Path::new(path).into(),
        part: None,
        modality: Modality::Image,
        bytes: 2_000_000,
        modified_ns: 1_718_388_120_000_000_000, // 2024-06-14 18:02 UTC
        hash: ContentHash([0; 32]),
        pixels: Some([4000, 3000]),
        snippet: None,
    }
}

#[test]
fn a_group_is_a_text_of_its_items() {
    let group = |name: &str, items: &[u32]| ItemGroup::new(name, items.iter().copied().map(ItemId).collect());
    let groups = ItemGroups::new([group("Best of June", &[0, 3]), group("Later", &[3])]);
    let facts = ItemFacts { groups: Some(&groups), ..ItemFacts::default() };
    let admits = |text: &str| parsed(text).admits(&item("/a.jpg"), facts);
    assert!(admits("group = \"best of june\"") && admits("group ~ june") && admits("has group"));
    assert!(!admits("group = later") && admits("group != later") && admits("group in (Later, \"best of june\")"));
    assert!(!parsed("has group").admits(&item("/a.jpg"), ItemFacts::default()), "nothing is known of groups");
    let condition = parsed("rating >= 3 and not (group = X or has group)");
    assert!(condition.has_groups() && !parsed("folder = X").has_groups());
    assert_eq!(parsed(&condition.to_string()), condition);
    let error = condition.check_groups(&groups).expect_err("there is none");
    assert_eq!(error.to_string(), "the library has no group `X`; its groups are Best of June, Later");
    assert_eq!(parsed("group != LATER or group ~ X").check_groups(&groups), Ok(()));
}

fn photo() -> PhotoSummary {
    PhotoSummary {
        taken: Some(1_686_756_612), // 2023-06-14 15:30:12
        camera: Some("FUJIFILM X100V".into()),
        lens: Some("23mm f/2".into()),
        colour_label: Some("Red".into()),
        keywords: ["Lake", "Animals|Dogs|Poodle"].map(Arc::from).into(),
        position: Some([47.37, 8.54]),
        focal_length_mm: Some(23.0),
        aperture: Some(2.828_427),
        exposure_secs: Some(0.004),
        iso: Some(400),
        rating: Some(3),
        ..PhotoSummary::default()
    }
}

/// Which of these a photo meets.
fn met(conditions: &[&'static str]) -> Vec<&'static str> {
    let (item, photo) = (item("/home/Ann/2023/Italy/IMG_0001.JPEG"), photo());
    conditions.iter().filter(|text| parsed(text).admits(&item, ItemFacts::of_photo(Some(&photo)))).copied().collect()
}

fn assert_met(conditions: &[&'static str]) {
    assert_eq!(met(conditions), conditions);
}

fn assert_not_met(conditions: &[&'static str]) {
    assert_eq!(met(conditions), [""; 0]);
}

#[test]
fn numbers_are_compared_in_their_units() {
    assert_met(&[
        "rating >= 3",
        "rating = 3",
        "rating <= 3",
        "rating < 4",
        "rating != 4",
        "rating in (1, 3)",
        "not rating > 3",
        "iso = 400",
        "focal = 23mm",
        "focal < 23.5 mm",
        "aperture = f/2.8",
        "aperture >= 2.8",
        "aperture < f4",
        "exposure = 1/250",
        "exposure <= 4 ms",
        "exposure < 0.5 s",
        "exposure >= 1/250 and exposure <= 1/250",
        "width >= 4000",
        "height < 3001 px",
        "size = 2 MB",
        "size > 1.9MB",
        "size < 2 MiB",
        "size >= 2000 kB",
        "rating < 5 stars",
    ]);
    assert_not_met(&[
        "rating > 3",
        "rating < 3",
        "rating = -1",
        "rating in (1, 2)",
        "iso < 400",
        "aperture < f/2.8",
        "aperture > 2.8",
        "exposure < 1/250",
        "exposure > 1/250",
        "size > 2 MB",
        "width = 3000",
    ]);
}

#[test]
fn a_day_a_month_and_a_year_are_spans() {
    assert_met(&[
        "taken = 2023",
        "taken = 2023-06",
        "taken = 2023-06-14",
        "taken = 2023-06-14 15:30",
        "taken = 2023-06-14T15:30:12",
        "taken >= 2023-06",
        "taken <= 2023",
        "taken > 2022",
        "taken < 2023-07",
        "taken >= 2023-06-14 15:30",
        "taken != 2022",
        "taken in (2021, 2023)",
        "not taken > 2023",
        "taken > 2023-06-14 15:29 and taken < 2023-06-14 15:31",
        "modified = 2024-06-14 18:02",
        "modified < 2024-06-14 18:03",
        "taken = \"2023-06-14 15:30\"",
    ]);
    assert_not_met(&[
        "taken > 2023",
        "taken < 2023",
        "taken > 2023-06-14 15:30",
        "taken < 2023-06-14 15:30",
        "taken = 2023-06-14 15:30:13",
        "modified = 2024-06-14 18:03",
        "taken in (2021, 2022)",
    ]);
    let east = TimeZone::fixed(jiff::tz::Offset::constant(9));
    let admits = |text: &str| {
        Condition::parse(text, &east).expect("a condition").admits(&item("/a"), ItemFacts::of_photo(Some(&photo())))
    };
    assert!(admits("modified = 2024-06-15 03:02"), "the time of a file is in the zone of the user");
    assert!(admits("taken = 2023-06-14 15:30"), "that of a photo is what the camera showed");
}

#[test]
fn texts_are_compared_regardless_of_case() {
    assert_met(&[
        "camera ~ x100",
        "camera = \"fujifilm x100v\"",
        "camera !~ iphone",
        "camera != X100",
        "lens ~ 'F/2'",
        "colour = red",
        "name = \"img_0001.jpeg\"",
        "name ~ 0001",
        "format = jpg",
        "format = JPEG",
        "format = .jpg",
        "format in (png, jpeg)",
        "type = image",
        "type != text",
        "camera in (\"Fujifilm X100V\", \"Nikon\")",
        "camera not in (Nikon, Leica)",
    ]);
    assert_not_met(&[
        "camera = x100",
        "camera ~ iphone",
        "camera !~ x100",
        "name = img",
        "format = png",
        "type = TEXT",
    ]);
}

#[test]
fn keywords_and_folders_are_compared_by_levels() {
    assert_met(&[
        "keyword = dogs",
        "keyword = lake",
        "keyword = Animals|Dogs",
        "keyword = \"animals|dogs|poodle\"",
        "keyword ~ ood",
        "keyword in (dog, poodle)",
        "keyword != cats",
        "keyword !~ cat",
        "folder = italy",
        "folder = 2023/Italy",
        "folder = /home/ann",
        "folder ~ ital",
        "folder != \"/home/bob\"",
    ]);
    assert_not_met(&[
        "keyword = dog",
        "keyword = Animals|Poodle",
        "keyword != lake",
        "folder = Ital",
        "folder = /ann",
        "folder = Italy/2023",
    ]);
}

#[test]
fn places_are_boxes_and_circles() {
    assert_met(&[
        "place within 45.8,5.9 47.8,10.5",
        "place near 47.4,8.5 10 km",
        "place near 47.37 , 8.54 500m",
        "has place",
    ]);
    assert_not_met(&["place within 47.8,10.5 45.8,5.9", "place near -33.86,151.21 100 km", "not has place"]);
}

#[test]
fn and_binds_stronger_than_or() {
    assert_met(&[
        "taken >= 2023-06 and camera ~ \"X100\" and rating >= 3",
        "rating = 3 or rating = 1 and iso = 1",
        "NOT (rating = 1 OR iso = 1)",
        "not not rating = 3",
        "(((rating = 3)))",
        "not rating = 1 and iso = 400",
    ]);
    assert_not_met(&["(rating = 3 or rating = 1) and iso = 1", "not (rating = 3 and iso = 400)"]);
}

#[test]
fn what_is_not_known_is_found_by_what_excludes_it_only() {
    let (item, unknown) = (item("/a/b"), PhotoSummary::default());
    let fields =
        [("camera", "x"), ("rating", "3"), ("taken", "2023"), ("exposure", "1/8"), ("keyword", "x"), ("format", "x")];
    for photo in [None, Some(&unknown)] {
        let admits = |text: String| parsed(&text).admits(&item, ItemFacts::of_photo(photo));
        for (field, value) in fields {
            assert!(!admits(format!("{field} = {value}")) && admits(format!("{field} != {value}")), "{field}");
            assert!(!admits(format!("has {field}")) && admits(format!("not has {field}")), "{field}");
        }
        assert!(!admits("rating < 5".into()) && admits("not rating < 5".into()) && !admits("iso <= 9".into()));
        assert!(admits("camera !~ phone".into()) && !admits("place near 0,0 20000 km".into()));
        assert!(admits("has size and has modified and has width and has name and has folder and has type".into()));
    }
}

/// A table of three rows, and its second row as an item.
fn row_of_table() -> (Item, TableSet) {
    let mut builder = TableBuilder::default();
    let rows: [&[&str]; 4] = [
        &["Price", "kind of dog", "born", "note", "label"],
        &["1.5", "poodle", "2020-05-01", "first", "3"],
        &["-2", "Pudel É", "2021-06-14 15:30", "the second one", ""],
        &["7", "poodle", "2022-01-01", "third", "5"],
    ];
    rows[0].iter().for_each(|name| builder.add_column(name, None));
    for (row, cells) in (1..).zip(&rows[1..]) {
        cells.iter().enumerate().for_each(|(column, cell)| builder.push(row, column, cell));
    }
    let mut tables = TableSet::default();
    tables.insert(Path::new("/a/dogs.csv"), Arc::new(builder.finish(TableFormat::default())));
    (Item { part: Some(Part::Row(2)), modality: Modality::Text, pixels: None, ..item("/a/dogs.csv") }, tables)
}

#[test]
fn comparisons_that_no_column_can_meet_are_told_with_an_example() {
    let (_, tables) = row_of_table();
    let problem = |text: &str| parsed(text).check_columns(&tables).map_err(|problem| problem.to_string());
    for text in [
        "column price > 3 and column kind = dog",
        "column price ~ abc or not column born = 2021",
        "column \"kind of dog\" != 3",
        "rating > 3",
        "has column note",
    ] {
        let text = text.replace("column kind", "column \"kind of dog\"");
        assert_eq!(problem(&text), Ok(()), "{text}");
    }
    for (text, sentence) in [
        ("column price > abc", "`> abc` does not apply to `price`, a column of numbers; write `column \"price\" >= "),
        ("not (rating = 3 or column price in (1, two))", "`= two` does not apply to `price`, a column of numbers"),
        ("column born < 3.5", "`< 3.5` does not apply to `born`, a column of dates; write `column \"born\" >= 20"),
        ("column note > 3", "`> 3` does not apply to `note`, a column of "),
        ("has column weight", "no table of the library has a column `weight`; the columns are "),
        ("column weight > 3", "no table of the library has a column `weight`; the columns are "),
    ] {
        let found = problem(text).expect_err(text);
        assert!(found.starts_with(sentence), "{found}");
    }
    let nothing = parsed("column price > 3").check_columns(&TableSet::default()).expect_err("no tables");
    assert!(nothing.to_string().ends_with("(`vicinity index --rows`)"), "{nothing}");
}

#[test]
fn columns_are_compared_by_what_their_values_are() {
    let (item, tables) = row_of_table();
    let admits = |text: &str| parsed(text).admits(&item, ItemFacts { tables: Some(&tables), ..ItemFacts::default() });
    for text in [
        "column price = -2",
        "column PRICE < 0 and column price >= -2.0",
        "column \"kind of dog\" = \"pudel é\"",
        "column \"kind of dog\" ~ udel and not column \"kind of dog\" = udel",
        "column born >= 2021 and column born < 2021-06-15",
        "column born = 2021-06-14 15:30 and column born ~ 06-14",
        "column note in (x, \"The Second One\")",
        "column price not in (1, 2)",
        "has column price and not has column label and not has column other",
        "column label != 3",
        "column price ~ 2",
        "type = text and column price < 1",
    ] {
        assert!(admits(text), "{text}");
    }
    for text in [
        "column price > -2",
        "column price = two",
        "column price != -2",
        "column note > a",
        "column born = yesterday",
        "column label = 3",
        "column label < 9",
        "column other = 3",
        "has column other",
    ] {
        assert!(!admits(text), "{text}");
    }
    let photo = Item { part: None, ..item.clone() };
    assert!(!parsed("has column price").admits(&photo, ItemFacts { tables: Some(&tables), ..ItemFacts::default() }));
    assert!(!parsed("column price < 0").admits(&item, ItemFacts::default()));
    let names = parsed("column a = 1 and not (has column b or rating = 3)");
    assert_eq!(names.columns().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn an_error_says_where_and_what() {
    for (text, place, says) in [
        ("cam ~ x100", "cam", "there is no field `cam`; the fields are taken, "),
        ("camra ~ x100", "camra", "did you mean `camera`?"),
        ("rating = 3 and label = red", "label", "did you mean `colour`?"),
        ("label = 3", "label", "A column of a table is written `column label`"),
        ("price > 3", "price", "a column of a table is written `column price`"),
        ("column price", "", "expected a comparison"),
        ("column price > ", "", "expected a value"),
        ("column price > and", "and", "expected a value"),
        ("column price > \"\"", "\"\"", "expected a value"),
        ("column = 3", "column", "there is no field `column`"),
        ("column in > 3", "in", "write `column \"in\"` for the column of this name"),
        ("has column NOT", "NOT", "`NOT` has a meaning of its own"),
        ("column \"\" = 3", "column", "there is no field `column`"),
        ("column colour = dark blue", "blue", "put quotation marks"),
        ("has column", "column", "there is no field `column`"),
        ("stars > 3", "stars", "did you mean `rating`?"),
        ("rating ~ 3", "~", "`~` does not apply to `rating`; use one of =  !=  <  <=  >  >="),
        ("camera < x", "<", "use one of =  !=  ~  !~"),
        ("rating = three", "three", "not a value of `rating`; write 3"),
        ("taken > June", "June", "not a value of `taken`; write 2023-06-14, 2023-06, 2023 or 2023-06-14 15:30"),
        ("taken = 2023-06 12:00", "2023-06", "not a value of `taken`"),
        ("taken = 2023-02-30", "2023-02-30", "not a value of `taken`"),
        ("type = video", "video", "write image or text"),
        ("size > 3 mm", "mm", "put quotation marks around a text of several words"),
        ("camera ~ canon eos", "eos", "put quotation marks"),
        ("(camera ~ canon eos)", "eos", "put quotation marks"),
        ("camera = and", "and", "not a value of `camera`"),
        ("camera = \"\"", "\"\"", "not a value of `camera`"),
        ("camera =", "", "not a value of `camera`; write \"Canon EOS R5\""),
        ("camera = \"x", "\"x", "quotation mark"),
        ("rating", "", "expected a comparison such as `=`, `<`, `~` or `in`"),
        ("rating 3", "3", "expected a comparison such as `=`, `<`, `~` or `in`, found `3`"),
        ("rating = 3 rating", "rating", "put quotation marks"),
        ("(rating = 3", "", "expected `and`, `or` or `)`"),
        ("rating = 3)", ")", "expected `and`, `or` or the end, found `)`"),
        ("rating = 3 and", "", "expected a field"),
        ("\"rating\" = 3", "\"rating\"", "expected a field such as `taken` or `camera`, found `rating`"),
        ("rating ! 3", "!", "expected `!=` or `!~`"),
        ("keyword in dog", "dog", "expected `(`"),
        ("keyword in (dog cat)", "cat", "expected `,` or `)`"),
        ("keyword not dog", "dog", "expected `in`"),
        ("place = Rome", "=", "write `place` near 47.37,8.54 10 km"),
        ("place near 91,0 1 km", "91", "degrees north, -90 to 90"),
        ("place near 0,181 1 km", "181", "degrees east, -180 to 180"),
        ("place near 0 0 1 km", "0", "expected `,`"),
        ("place near 0,0 10", "10", "not a value of `place`"),
        ("exposure = 1/0", "1/0", "not a value of `exposure`"),
        ("size > 1e9", "1e9", "not a value of `size`"),
        ("  ", "  ", "a condition is missing"),
    ] {
        let error = error(text);
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert_eq!(text.get(error.range.clone()), Some(place), "{text}: {error}");
    }
}

#[test]
fn an_error_is_marked_under_its_place() {
    let marked = |text: &str| error(text).marked(text);
    assert_eq!(marked("rating = 3 and cam = x"), "rating = 3 and cam = x\n               ^^^");
    assert_eq!(marked("colour = \"grün\" und"), "colour = \"grün\" und\n                ^^^");
    assert_eq!(marked("rating ="), "rating =\n        ^");
    let long = format!("camera = \"{}\" and cam = \"{}\"", "a".repeat(100), "b".repeat(100));
    let lines: Vec<String> = marked(&long).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("…aaa") && lines[0].ends_with("bbb…") && lines[0].len() < 140, "{lines:?}");
    let under: String =
        lines[0].chars().zip(lines[1].chars()).filter(|(_, mark)| *mark == '^').map(|(c, _)| c).collect();
    assert_eq!(under, "cam");
}

#[test]
fn depth_and_length_are_limited() {
    for text in ["(".repeat(60_000), "not ".repeat(16_000), format!("{}rating = 3{}", "(".repeat(65), ")".repeat(65))] {
        assert_eq!(error(&text).problem, Problem::TooDeep { limit: 64 });
    }
    assert!(matches!(error(&"(".repeat(100_000)).problem, Problem::TooLong { .. }));
    let many = vec!["rating = 3"; 4_000].join(" and ");
    assert_eq!(parsed(&many).parts().len(), 4_000);
    let deepest = format!("{}rating = 3{}", "(".repeat(64), ")".repeat(64));
    assert_eq!(parsed(&deepest).to_string(), "rating = 3");
}

#[test]
fn parts_are_taken_apart_and_put_together() {
    let condition = parsed("taken >= 2023 and (camera = a or camera = b) and has place");
    let parts: Vec<String> = condition.parts().iter().map(Condition::to_string).collect();
    assert_eq!(parts, ["taken >= 2023", "camera = \"a\" or camera = \"b\"", "has place"]);
    assert_eq!(Condition::all(condition.parts().to_vec()), Some(condition.clone()));
    assert_eq!(Condition::all([condition.clone(), parsed("rating = 1 and iso = 1")]).map(|c| c.parts().len()), Some(5));
    assert_eq!(Condition::all([]), None);
    assert_eq!(parsed("rating = 3").parts().len(), 1);
    assert_eq!(condition.parts()[2].as_has(), Some(Field::Place));
    assert_eq!(condition.parts()[0].as_comparison().map(Comparison::field), Some(Field::Taken));
}

fn comparison() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-zA-Z0-9|/_.-]{1,8}".prop_map(|word| quoted(&word)),
        "[a-z][a-z|/.-]{0,6}x",
        "\\PC{1,6}x".prop_map(|text| quoted(&text)),
    ];
    let text_field = prop::sample::select(vec!["camera", "lens", "colour", "keyword", "format", "folder", "name"]);
    let texts = (text_field, prop::sample::select(vec!["=", "!=", "~", "!~"]), text)
        .prop_map(|(field, operator, text)| format!("{field} {operator} {text}"));
    let order = || prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">=", "≥", "<>"]);
    let number_field =
        prop::sample::select(vec!["focal", "aperture", "exposure", "iso", "rating", "width", "height", "size"]);
    let number = prop_oneof![
        (0u32..5000).prop_map(|n| n.to_string()),
        (-1e7f64..1e7).prop_map(|n| n.to_string()),
        (1u32..9000).prop_map(|n| format!("0.{n}")),
    ];
    let numbers = (number_field, order(), number).prop_map(|(field, operator, n)| format!("{field} {operator} {n}"));
    let units = (
        order(),
        prop::sample::select(vec![
            "size > 1.1 MB",
            "size = 3 GiB",
            "exposure = 1/3",
            "exposure < 7 ms",
            "focal > 35.5mm",
            "aperture = f/1.4",
        ]),
    )
        .prop_map(|(_, text)| text.to_owned());
    let day = prop_oneof![
        (1900u16..2100).prop_map(|y| y.to_string()),
        (1900u16..2100, 1u8..13).prop_map(|(y, m)| format!("{y}-{m:02}")),
        (0u16..9999, 1u8..13, 1u8..29).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")),
        (1u8..13, 0u8..24, 0u8..60).prop_map(|(m, h, min)| format!("2023-{m:02}-01 {h:02}:{min:02}")),
        (0u8..24, 0u8..60, 0u8..60).prop_map(|(h, m, s)| format!("2023-01-01T{h:02}:{m:02}:{s:02}")),
    ];
    let times = (prop::sample::select(vec!["taken", "modified"]), order(), day)
        .prop_map(|(field, operator, day)| format!("{field} {operator} {day}"));
    let others = prop::sample::select(vec![
        "has rating",
        "type = text",
        "place near -1.5,179.25 3.7 km",
        "place near 0,0 250 m",
        "place within 1,170 -3.25,-170",
        "keyword in (dog, \"a \"\"b\"\"\")",
        "keyword not in (dog)",
        "rating in (4, 5)",
        "column price > 3.5",
        "column \"unit \"\"price\"\"\" <= \"2023-06-14 15:30\"",
        "column date >= 2023-06-14 15:30",
        "column \"in\" in (a, 3)",
        "column label not in (\"dark blue\", 7)",
        "has column label",
        "column label !~ 'é'",
    ]);
    prop_oneof![texts, numbers, times, units, others.prop_map(str::to_owned)]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(" and ")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(" OR ")),
            inner.clone().prop_map(|part| format!("( {part})")),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

proptest! {
    #[test]
    fn a_condition_reads_back_as_the_same(text in condition()) {
        let once = parsed(&text);
        let written = once.to_string();
        let again = Condition::parse(&written, &TimeZone::UTC);
        prop_assert_eq!(again.as_ref(), Ok(&once), "{} -> {}", text, written);
    }

    #[test]
    fn any_text_is_a_condition_or_an_error_within_it(
        parts in prop::collection::vec(prop_oneof![
            comparison(),
            "\\PC{0,12}",
            prop::sample::select(vec!["and", "or", "not", "(", ")", ",", "in", "has", "camera", "=", "~", "\"", "'", "1/250", "place", "near", "column"])
                .prop_map(str::to_owned),
        ], 0..8),
        cut in 0usize..200,
    ) {
        let text = parts.join(" ");
        let text = text.get(..cut.min(text.len())).unwrap_or(&text);
        match Condition::parse(text, &TimeZone::UTC) {
            Ok(condition) => {
                condition.admits(&item("/a/b.jpg"), ItemFacts::of_photo(Some(&photo())));
                prop_assert_eq!(&parsed(&condition.to_string()), &condition);
            }
            Err(error) => {
                prop_assert!(text.get(error.range.clone()).is_some());
                prop_assert_eq!(error.marked(text).lines().count(), 2);
            }
        }
    }
}

/// `cargo test -p vicinity-core --release -- --ignored --nocapture a_million`
#[test]
#[ignore = "a measurement"]
fn a_million_items_take_a_fraction_of_a_second() {
    let items: Vec<Item> =
        (0..1_000_000).map(|i| item(&format!("/home/ann/Photos/album {:03}/IMG_{i:07}.jpg", i % 500))).collect();
    let photos: Vec<PhotoSummary> = (0..1000)
        .map(|i| PhotoSummary {
            rating: Some((i % 6) as i8),
            camera: Some(format!("Maker Model {i}").into()),
            ..photo()
        })
        .collect();
    for text in [
        "taken >= 2023-06 and camera ~ \"X100\" and rating >= 3",
        "camera ~ \"Model 99\"",
        "keyword = Dogs",
        "folder = \"album 017\"",
        "name ~ 777",
        "place near 47.4,8.5 10 km",
    ] {
        let condition = parsed(text);
        let start = std::time::Instant::now();
        let photo = |i: usize| photos.get(i % 1000);
        let found =
            items.iter().enumerate().filter(|(i, item)| condition.admits(item, ItemFacts::of_photo(photo(*i)))).count();
        println!("{:>6.1} ms  {found:>7} of 1,000,000  {text}", start.elapsed().as_secs_f64() * 1e3);
    }
}
