//! What must hold in every version of a book.

/// Something that holds in every version of a whole book. The codes are stable: scripts match them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A file that the log names is there.
    FilePresent,
    /// It has the length that the log says.
    FileLength,
    /// It is Parquet, and can be read to its end.
    FileReadable,
    /// It holds as many rows as the log says.
    FileRows,
    /// Its folder names the kind and the day that the log says.
    FilePlace,
    /// Its columns are those of its kind; one may be missing, none may be added.
    FileColumns,
    /// A segment's range is neither empty nor negative.
    SegmentRange,
    /// The segments of a partition follow each other without a hole or an overlap.
    SegmentContinuity,
    /// A segment's counts add up.
    SegmentCounts,
    /// Ingest goes on where the last segment ends.
    NextOffset,
    /// A row lies in the range of a segment.
    RowInSegment,
    /// No element stands twice in the book.
    RowOnce,
    /// A segment counts the rows that are there.
    RowCounts,
    /// A segment counts the events that are flagged as duplicates.
    DuplicateCounts,
    /// What was removed, and what is there, is what the segments count.
    RemovalCounts,
    /// What was removed is gone.
    RemovalComplete,
    /// The element of a superseded event stands in the book as its new reading.
    SupersededRead,
    /// Superseded events are as many as re-decodings replaced.
    SupersededCounts,
    /// A row has every value that its kind requires.
    RequiredValues,
    /// A value of a vocabulary is one of its words.
    Vocabulary,
    /// There is a reason of denial exactly where the result is a denial.
    DenialReason,
    /// A row stands under the UTC day of its time.
    Day,
}

impl Invariant {
    /// Every invariant, in the order of the report.
    pub const ALL: &'static [Self] = &[
        Self::FilePresent,
        Self::FileLength,
        Self::FileReadable,
        Self::FileRows,
        Self::FilePlace,
        Self::FileColumns,
        Self::SegmentRange,
        Self::SegmentContinuity,
        Self::SegmentCounts,
        Self::NextOffset,
        Self::RowInSegment,
        Self::RowOnce,
        Self::RowCounts,
        Self::DuplicateCounts,
        Self::RemovalCounts,
        Self::RemovalComplete,
        Self::SupersededRead,
        Self::SupersededCounts,
        Self::RequiredValues,
        Self::Vocabulary,
        Self::DenialReason,
        Self::Day,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.words().0
    }

    /// What holds, in a sentence for a person.
    #[must_use]
    pub const fn statement(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::FilePresent => ("file-present", "every file that the log names is there"),
            Self::FileLength => ("file-length", "every file has the length that the log says"),
            Self::FileReadable => ("file-readable", "every file is Parquet and can be read to its end"),
            Self::FileRows => ("file-rows", "every file holds as many rows as the log says"),
            Self::FilePlace => ("file-place", "every file lies in the folder of its kind and day"),
            Self::FileColumns => ("file-columns", "every file has columns of its kind only"),
            Self::SegmentRange => ("segment-range", "no segment's range is empty or negative"),
            Self::SegmentContinuity => {
                ("segment-continuity", "segments follow each other without hole or overlap")
            }
            Self::SegmentCounts => ("segment-counts", "the counts of every segment add up"),
            Self::NextOffset => ("next-offset", "ingest goes on where the last segment ends"),
            Self::RowInSegment => ("row-in-segment", "every row lies in the range of a segment"),
            Self::RowOnce => ("row-once", "no element stands twice in the book"),
            Self::RowCounts => ("row-counts", "every segment counts the rows that are there"),
            Self::DuplicateCounts => {
                ("duplicate-counts", "every segment counts the duplicates that are there")
            }
            Self::RemovalCounts => ("removal-counts", "rows and removed rows are what the segments count"),
            Self::RemovalComplete => ("removal-complete", "removed rows are gone"),
            Self::SupersededRead => ("superseded-read", "every superseded event has its new reading"),
            Self::SupersededCounts => {
                ("superseded-counts", "superseded events are what re-decodings replaced")
            }
            Self::RequiredValues => ("required-values", "every row has what its kind requires"),
            Self::Vocabulary => ("vocabulary", "every value of a vocabulary is one of its words"),
            Self::DenialReason => ("denial-reason", "a reason of denial stands exactly with a denial"),
            Self::Day => ("day", "every row stands under the UTC day of its time"),
        }
    }
}
