//! One binary of stories.
