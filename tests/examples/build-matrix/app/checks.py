"""What a slug must be."""

import unittest

from slug import slug


class Slugs(unittest.TestCase):
    def test_words_are_joined(self) -> None:
        self.assertEqual(slug("Two  Words!"), "two-words")

    def test_nothing_stays_nothing(self) -> None:
        self.assertEqual(slug("—"), "")
