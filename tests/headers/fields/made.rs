//! Fields of every form, and what becomes of them when bytes are changed.

use proptest::prelude::*;

/// A field of any form, well formed or nearly so.
fn field() -> impl Strategy<Value = String> {
    let bare = prop_oneof![
        "-?[0-9]{1,3}",
        "-?[0-9]{1,16}(\\.[0-9]{1,4})?",
        "\"([ -~&&[^\"\\\\]]|\\\\\"|\\\\\\\\){0,6}\"",
        "[a-zA-Z*][a-zA-Z0-9!#$%&'*+.^_`|~:/-]{0,4}",
        ":([A-Za-z0-9+/]{4}){0,2}([A-Za-z0-9+/]{2}(==?)?|[A-Za-z0-9+/]{3}=?)?:",
        "\\?[01]",
        "@-?[0-9]{1,12}",
        "%\"([ -~&&[^\"%]]|%[2-7][0-9a-f]|%c[2-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](%[89ab][0-9a-f]){2}|%f[0-4](%[89ab][0-9a-f]){3}){0,3}\"",
    ];
    let key = "[a-c*][a-z0-9_.*-]{0,2}";
    let params = prop::collection::vec((key, prop::option::of(bare.clone()), 0..3usize), 0..3).prop_map(|params| {
        let text = |(key, value, spaces): (String, Option<String>, usize)| {
            let value = value.map_or_else(String::new, |value| format!("={value}"));
            format!(";{}{key}{value}", " ".repeat(spaces))
        };
        params.into_iter().map(text).collect::<String>()
    });
    let item = (bare, params.clone()).prop_map(|(bare, params)| bare + &params);
    let inner = (prop::collection::vec(item.clone(), 0..4), " {0,2}", " {0,2}", params);
    let inner = inner.prop_map(|(items, first, last, params)| format!("({first}{}{last}){params}", items.join(" ")));
    let value = prop_oneof![3 => item, 1 => inner];
    let member = prop_oneof![value.clone(), (key, value).prop_map(|(key, value)| format!("{key}={value}"))];
    let comma = "[ \t]{0,2},[ \t]{0,2}";
    (" {0,2}", prop::collection::vec((member, comma), 0..5), "[ \t]{0,2}").prop_map(|(before, members, after)| {
        let mut text = before;
        for (place, (member, comma)) in members.iter().enumerate() {
            text += if place > 0 { comma } else { "" };
            text += member;
        }
        text + &after
    })
}

/// Up to three bytes replaced, inserted or taken away.
pub(super) fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => prop::sample::select(br#" 	,;=()"\:?@%*-.0129azAF/"#.to_vec()), 1 => any::<u8>()];
    let edit = (any::<prop::sample::Index>(), 0..3u8, byte);
    (field(), prop::collection::vec(edit, 0..4)).prop_map(|(field, edits)| {
        let mut bytes = field.into_bytes();
        for (place, kind, byte) in edits {
            let at = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}
