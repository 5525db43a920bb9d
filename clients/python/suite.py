"""Runs the tests of one client, a unittest module, and prints a line for each: `ok NAME` or `FAILED NAME`."""

import logging
import sys
import traceback
import unittest


class LineResult(unittest.TestResult):
    """Prints the outcome of a test as it ends; of one that failed, why."""

    def startTest(self, test):
        super().startTest(test)
        self.errors_of_test = []

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self.errors_of_test.append(f'{subtest}\n' + ''.join(traceback.format_exception(*error)))

    def addError(self, test, error):
        super().addError(test, error)
        if hasattr(self, 'errors_of_test') and isinstance(test, unittest.TestCase):
            self.errors_of_test.append(''.join(traceback.format_exception(*error)))
        else:       # in setUpClass: its tests do not run
            print(f'FAILED {test}\n', ''.join(traceback.format_exception(*error)), flush=True)

    addFailure = addError

    def stopTest(self, test):
        super().stopTest(test)
        name = test.shortDescription() or test.id()
        print('FAILED' if self.errors_of_test else 'ok', name, flush=True)
        for error in self.errors_of_test:
            print(error, flush=True)


def main():
    logging.getLogger('asyncio').setLevel(logging.ERROR)       # unittest has it warn of slow steps
    result = LineResult()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__']).run(result)
    sys.exit(not result.wasSuccessful())
