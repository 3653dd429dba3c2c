//! Withdrawals while releases are on their way: none answers before what it covers has left or was cut, and nothing of it leaves after.

mod in_process;
mod opener;
mod over_two_brokers;
mod races;
mod slow_readers;
