"""Rosters as registries and learning platforms export them, and what they add to a download."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.intake.roster import apply_roster, read_roster
from grader.plugin import BadDownload, Collected, Member, Part, Skipped, Upload

ADA = ("Ada Lovelace", "ada@example.edu")
GRACE = ("Grace Hopper", "grace@example.edu")


@pytest.fixture
def read(tmp_path):
    """Read a roster with this text."""

    def read(text: str | bytes) -> dict[str, Member]:
        path = tmp_path / "class.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_roster(path)

    return read


@pytest.mark.parametrize(
    "text, keys",
    [
        ("id,name,email\n1,Ada Lovelace,ada@example.edu\n2,Grace Hopper,grace@example.edu\n", "1 2"),
        ("\ufeffKey;Full Name;E-Mail\r\n1;Ada Lovelace;ada@example.edu\r\n\r\n2;Grace Hopper;grace@example.edu", "1 2"),
        ("Email Address\tLAST_NAME\tFirst-Name\tStudent ID\nada@example.edu\tLovelace\tAda\t007\n"
         "grace@example.edu\tHopper\tGrace\t2", "007 2"),
        ("student,name,email\nada,Ada Lovelace,ada@example.edu\ngrace,Grace Hopper,grace@example.edu\n", "ada grace"),
        ("name,email\nAda Lovelace,ada@example.edu\nGrace Hopper,grace@example.edu\n",
         "ada@example.edu grace@example.edu"),
        ('id,name,email\n1,"Ada\nLovelace",ada@example.edu\n2,Grace Hopper,grace@example.edu\n', "1 2"),
    ],
    ids=["plain", "semicolon", "tab", "student", "address", "lines"],
)  # fmt: skip
def test_columns_are_found_by_their_headers(text, keys, read):
    roster = read(text)
    assert " ".join(roster) == keys
    assert [(member.key, " ".join(member.name.split()), member.email) for member in roster.values()] == [
        (key, *who) for key, who in zip(keys.split(), (ADA, GRACE), strict=True)
    ]


def test_canvas_gradebook(read):
    roster = read(
        "Student,ID,SIS User ID,SIS Login ID,Section,RNN (123)\n"
        "    Points Possible,,,,,20\n"
        '"Lovelace, Ada",1001,S-7,ada@example.edu,A,\n'
        '"García, Luís",1002,S-8,luis,A,3\n'
    )
    assert set(roster) == {"1001", "S-7", "ada@example.edu", "1002", "S-8", "luis"}
    assert roster["S-7"] == roster["1001"] == Member("1001", "Lovelace, Ada")


def test_github_and_moodle_sheets(read):
    classroom = read("identifier,github_username,github_id,name\nada@x.edu,Ada-L,99,Ada Lovelace\ngrace,,,\n")
    assert set(classroom) == {"ada@x.edu", "Ada-L", "grace"}
    classroom50 = read("username,first_name,last_name,email,section,github_id\nada-l,Ada,Lovelace,ada@x.edu,A,99\n")
    assert classroom50 == {"ada-l": Member("ada-l", "Ada Lovelace", "ada@x.edu")}
    moodle = read('Identifier,Full name,Email address\n"Participant 1234",Ada Lovelace,\nTeilnehmer/in 5,王 小明,\n')
    assert moodle["1234"] == moodle["Participant 1234"] == Member("1234", "Ada Lovelace")
    assert moodle["5"].name == "王 小明"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 1: no column identifies a student; found nothing"),
        ("grade,section\n1,2\n", "line 1: no column identifies a student; found 'grade', 'section'"),
        ("id,name\n", "it lists nobody"),
        ("id,name\n1,Ada\n\n1,Grace\n", "line 4: '1' is already in line 2"),
        (
            "id,sid,name\n1,2,Ada\n3,1,Grace\n",
            "line 3: '1' in column 'sid' is also the 'id' of line 2, so it is ambiguous",
        ),
        ("id,login,name\n1,a,Ada\n,,Grace\n", "line 3: 'Grace' has no id; fill in 'id', 'login'"),
        ("id,name\n1,Lovelace, Ada\n", "line 2: it has 3 fields, the header has 2"),
        ('id,name\n1,"Ada\n', "line 2: it is not CSV"),
        ('id,name\n1,"A\nB"\n2,"Ada"x\n', "line 4: it is not CSV"),
        ("id,name\n1,Ada\n2,José\n".encode("latin-1"), "line 3: it is not UTF-8"),
        ("id,name\n1,Ada\n".encode("utf-16"), "line 1: it is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, message, read):
    with pytest.raises(BadDownload, match=f"class.csv(, |: ){message}"):
        read(text)


def test_a_roster_that_is_not_there(tmp_path):
    with pytest.raises(BadDownload, match="it cannot be read: No such file"):
        read_roster(tmp_path / "class.csv")
    with pytest.raises(BadDownload, match="it cannot be read: Is a directory"):
        read_roster(tmp_path)


def upload(*members: Member, doubts: list[str] | None = None) -> Upload:
    return Upload(list(members), [Part("", Path("x"))], when="2026-01-15T00:00:00", late=True, doubts=doubts or [])


def test_applied(read):
    roster = read(
        "id,login,name,email\n1,ada,Ada Lovelace,ada@example.edu\n2,grace,Grace Hopper,\n3,,,\n"
        "4,tim,Tim,tim@example.edu\n"
    )
    collected = Collected(
        [
            upload(Member("1", "lovelaceada")),
            upload(Member("GRACE", "g", "g@example.edu"), Member("stranger", "Eve")),
            upload(Member("Tim@example.edu"), doubts=["look"]),
        ],
        [Skipped("notes.txt", "no submission")],
    )
    applied = apply_roster(collected, roster)
    assert [one.members for one in applied.uploads] == [
        [Member("1", "Ada Lovelace", "ada@example.edu")],
        [Member("GRACE", "Grace Hopper", "g@example.edu"), Member("stranger", "Eve")],
        [Member("Tim@example.edu", "Tim", "tim@example.edu")],
    ]
    assert [one.doubts for one in applied.uploads] == [[], ["stranger is not in the roster"], ["look"]]
    assert all(one.late and one.when and one.parts for one in applied.uploads)
    assert applied.skipped == [Skipped("notes.txt", "no submission"), Skipped("3", "nothing was handed in")]
    assert collected.uploads[0].members[0].name == "lovelaceada"
    absent = apply_roster(Collected([]), roster).skipped
    assert absent[0] == Skipped("1 (Ada Lovelace)", "nothing was handed in")
    assert len(absent) == 4


def test_a_name_in_other_case_is_taken_where_it_can_mean_one_only(read):
    roster = read("id,name\nAda,One\nada,Two\nGrace,Three\n")
    uploads = apply_roster(Collected([upload(Member(key)) for key in ("ada", "ADA", "grace")]), roster).uploads
    assert [one.members[0].name for one in uploads] == ["Two", "", "Three"]
    assert [bool(one.doubts) for one in uploads] == [False, True, False]


FIELDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=60) | st.lists(FIELDS).map(lambda rows: ("id,name\n" + "\n".join(rows)).encode()))
def test_reading_raises_nothing_else(data, read):
    try:
        assert all(read(data))
    except BadDownload as problem:
        assert "class.csv" in str(problem)
