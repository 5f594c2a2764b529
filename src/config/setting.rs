//! What a setting is, and how a section of them is written down once: the declaration gives the
//! struct, the way it is read, `config show`, `--help` and docs/configuration.md.

use super::reader::Reader;

/// One thing an operator can set.
#[derive(Debug)]
pub struct Setting {
    /// The table of the TOML file that it is in.
    pub section: &'static str,
    /// What that table is for.
    pub about: &'static str,
    /// Its key in that table.
    pub name: &'static str,
    pub env: &'static str,
    /// Without the dashes; only the common ones have a flag.
    pub flag: Option<&'static str>,
    /// The value when it is not set or, for an optional one, what happens then.
    pub default: &'static str,
    /// Least and greatest value, written as an operator would.
    pub range: Option<(&'static str, &'static str)>,
    pub doc: &'static str,
}

/// The settings of one concern: a struct here, a table in the TOML file.
pub(super) trait Section: Sized {
    const NAME: &'static str;
    const ABOUT: &'static str;

    fn read(reader: &mut Reader<'_>) -> Self;
}

/// Declares a section.
///
/// `= value "8"` is a setting with a default; `= optional "text"` is one that may be absent (its
/// type is an `Option`), the text saying what happens then.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $vis:vis struct $config:ident in $section:literal {$(
            $(#[doc = $doc:literal])+
            $field:ident: $type:ty = $method:ident $default:literal, $env:literal
                $(, from $min:literal to $max:literal)?
                $(, flag $flag:literal)?;
        )+}
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        $vis struct $config {$(
            $(#[doc = $doc])+
            #[doc = concat!(
                "\n\n`", $env, "`, ", stringify!($method), ": ", $default
                $(, ", from ", $min, " to ", $max)?
            )]
            $vis $field: $type,
        )+}

        impl $crate::config::setting::Section for $config {
            const NAME: &'static str = $section;
            const ABOUT: &'static str = concat!($($about),+);

            fn read(reader: &mut $crate::config::reader::Reader<'_>) -> Self {
                use $crate::config::setting::{Section, Setting, first};
                Self {$(
                    $field: {
                        const SETTING: Setting = Setting {
                            section: $section,
                            about: <$config as Section>::ABOUT,
                            name: stringify!($field),
                            env: $env,
                            flag: first(&[$($flag)?]),
                            default: $default,
                            range: first(&[$(($min, $max))?]),
                            doc: concat!($($doc),+),
                        };
                        reader.$method(&SETTING)
                    },
                )+}
            }
        }
    )+};
}
pub(super) use settings;

/// The one element of what a macro may have been given.
pub(super) const fn first<T: Copy>(given: &[T]) -> Option<T> {
    match given {
        [first, ..] => Some(*first),
        [] => None,
    }
}
