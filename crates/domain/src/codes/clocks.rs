//! What clocks are called, and their marks.

use std::fmt;

use super::Code;

codes! {
    /// Which mark of a clock.
    ClockLevel {
        /// The first reminder.
        First = 1 "first",
        /// The second reminder.
        Second = 2 "second",
        /// Time has run out.
        Overdue = 3 "overdue",
    }
    /// What must be done in time.
    ClockName {
        /// The sender clears what it holds.
        Clear = 1 "clear",
        /// The recipient opens.
        Open = 2 "open",
        /// The recipient accepts, declines or returns.
        Decide = 3 "decide",
        /// The victim is reached.
        Contact = 4 "contact",
        /// What may not wait has left.
        Leave = 5 "leave",
        /// The board decides whether to open an inquiry.
        Board = 6 "board",
        /// The reporter is answered.
        Feedback = 7 "feedback",
        /// The sender decides on what it still holds, before that is destroyed.
        Keep = 8 "keep",
        /// The recipient opens what was offered after the first opening.
        Supplement = 9 "supplement",
    }
}
