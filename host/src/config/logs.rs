//! Settings of the log.

use telemetry::{Format, Settings};

use super::{reader::Reader, table as t};

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let levels = ["error", "warn", "info", "debug", "trace", "off"].map(|level| (level, level));
    let level = reader.choice(&t::LOG_LEVEL, &levels);
    let filter = reader.text(&t::RUST_LOG);
    if let Some(filter) = &filter
        && let Err(why) = Settings::check_filter(filter)
    {
        reader.wrong(
            &t::RUST_LOG,
            &format!("not a valid filter ({why})"),
            "set it to a value such as `info`, or unset it",
        );
    }
    let formats = [
        ("auto", Format::Auto),
        ("json", Format::Json),
        ("text", Format::Text),
    ];
    let format = reader.choice(&t::LOG_FORMAT, &formats);
    let access_percent = reader.number(&t::ACCESS_LOG_PERCENT, 0..=100);
    Some(Settings {
        filter: match filter {
            Some(filter) => filter,
            None => Settings::filter_for_level(level?),
        },
        format: format?,
        access_percent: u8::try_from(access_percent).ok()?,
    })
}
