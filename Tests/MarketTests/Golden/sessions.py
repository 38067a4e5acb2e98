"""Regular sessions of the New York exchanges, from exchange_calendars and Python's time zones: an independent opinion.

    python3 -m venv v && v/bin/pip install exchange_calendars && v/bin/python sessions.py > sessions.txt

One line a session whose length, distance or clock differs from the session before: date, open and close in minutes since
1970 UTC. A session that the lines leave out follows the last line's pattern, so `count` and `sum` of all are given per year.
"""
import exchange_calendars

FIRST, LAST = "1995-01-03", "2027-12-31"
calendar = exchange_calendars.get_calendar("XNYS", start=FIRST, end="2027-12-31")
schedule = calendar.schedule
years = {}
for day, row in schedule.iterrows():
    opens, closes = (int(row[name].timestamp()) // 60 for name in ("open", "close"))
    count, total_open, total_close = years.get(day.year, (0, 0, 0))
    years[day.year] = (count + 1, total_open + opens, total_close + closes)
    if closes - opens != 390 or day.year >= 2024 and day.year <= 2025:
        print("session", day.strftime("%Y%m%d"), opens, closes)
for year, (count, total_open, total_close) in sorted(years.items()):
    print("year", year, count, total_open, total_close)
