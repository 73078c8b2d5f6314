"""What a grade says of a submission, seen from outside."""


def test_reference_earns_everything(grade, submission, reference):
    answer = grade(submission({"my_rnn.py": reference}))
    assert (answer.points, answer.max_points, answer.status) == (10.0, 10.0, "graded")
    assert {check.status for check in answer.exercises[0].checks} == {"passed"}
