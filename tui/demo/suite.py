"""A test suite of its own:  suite.py SEED FAILING"""

import random
import sys
import time
import unittest

seed, failing = int(sys.argv.pop(1)), int(sys.argv.pop(1))
random.seed(seed)


def make_case(number: int) -> unittest.TestCase:
    lasts = random.uniform(0.05, 0.5)  # noqa: S311 - the length of a pause

    def runTest() -> None:  # noqa: N802 - unittest's own name
        time.sleep(lasts)
        total = sum(range(number * 1000))
        case.assertEqual(
            total, number * 1000 * (number * 1000 - 1) // 2 + (number < failing), "the total is off by one"
        )

    case = unittest.FunctionTestCase(runTest, description=f"totals of {number} thousand")
    return case


suite = unittest.TestSuite(make_case(number) for number in range(14))
sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
