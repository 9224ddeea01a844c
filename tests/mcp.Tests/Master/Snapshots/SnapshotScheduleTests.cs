using Mcp.Master.Configuration;
using Mcp.Master.Snapshots;
using Mcp.Names;
using Mcp.Operations;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Master.Snapshots;

public class SnapshotScheduleTests
{
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    [Test]
    public async Task Each_is_due_once_an_interval_give_or_take_a_twentieth_and_not_all_together()
    {
        var clock = new SteppedClock();
        var table = new SnapshotTimetable(Day, clock, new Random(1));
        var keys = Enumerable.Range(0, 20).Select(i => $"s{i}").ToList();
        var made = keys.ToDictionary(k => k, _ => new List<DateTimeOffset>());
        for (var minute = 0; minute < 10 * 24 * 60; minute++)
        {
            foreach (var key in keys.Where(k => table.IsDue(k, null)))
            {
                made[key].Add(clock.GetUtcNow());
                table.Done(key);
            }
            clock.Step(TimeSpan.FromMinutes(1));
        }
        foreach (var times in made.Values)
        {
            await Assert.That(times.Count).IsBetween(9, 11);
            await Assert.That(times[0] - SteppedClock.Begin).IsBetween(TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(21));
            await Assert.That(times.Zip(times.Skip(1), (a, b) => b - a).All(gap => gap > Day * 0.94 && gap < Day * 1.06)).IsTrue();
        }
        await Assert.That(made.Values.Select(t => t[5]).Distinct().Count()).IsGreaterThan(15);
    }

    [Test]
    [Arguments(400)]
    [Arguments(-400)]
    public async Task A_wall_clock_that_jumps_by_years_starts_no_storm_and_no_silence(int days)
    {
        var clock = new SteppedClock();
        var table = new SnapshotTimetable(Day, clock, new Random(1));
        table.Done("notes");
        clock.Shift = TimeSpan.FromDays(days);
        var made = 0;
        for (var hour = 0; hour < 10 * 24; hour++)
        {
            clock.Step(TimeSpan.FromHours(1));
            if (!table.IsDue("notes", null))
                continue;
            made++;
            table.Done("notes");
        }
        await Assert.That(made).IsBetween(8, 11);
    }

    [Test]
    public async Task A_restarted_master_remembers_and_makes_up_for_what_it_missed_not_all_at_once()
    {
        var clock = new SteppedClock();
        var table = new SnapshotTimetable(Day, clock, new Random(1));
        await Assert.That(table.IsDue("recent", clock.GetUtcNow() - TimeSpan.FromHours(1))).IsFalse();
        await Assert.That(table.IsDue("late", clock.GetUtcNow() - TimeSpan.FromDays(3))).IsFalse();
        await Assert.That(table.IsDue("future", clock.GetUtcNow() + TimeSpan.FromDays(300))).IsFalse();
        clock.Step(TimeSpan.FromMinutes(10));
        await Assert.That((table.IsDue("recent", null), table.IsDue("late", null), table.IsDue("future", null))).IsEqualTo((false, true, true));
        clock.Step(TimeSpan.FromHours(23.5));
        await Assert.That(table.IsDue("recent", null)).IsTrue();
    }

    [Test]
    public async Task Services_nodes_and_the_master_itself_are_taken_and_older_ones_let_go()
    {
        var clock = new SteppedClock(TimeProvider.System.GetUtcNow());
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        agent.Archives["mcp-agent"] = FakeArchive.Of(("mcp.db", "x"u8.ToArray()));
        agent.Archives["mcp-proxy"] = new FakeArchive([], new StreamTrailer());
        var schedule = Schedule(bench, clock, new ServiceLocks(clock), retain: 2);
        for (var day = 0; day < 5; day++)
        {
            await schedule.PassAsync(CancellationToken.None);
            clock.Step(Day * 1.06);
        }
        await schedule.PassAsync(CancellationToken.None);
        var rows = bench.Host.Parts.Database.Read(c => SnapshotStore.All(c));
        await Assert.That(rows.Select(r => r.Service).Distinct()).IsEquivalentTo(["mcp-agent/orion", "mcp-master", "notes"]);
        await Assert.That(rows.Count(r => r.Service == "mcp-agent/orion")).IsEqualTo(2);
        await Assert.That(rows.Count(r => r.Service == "notes")).IsEqualTo(2);
        await Assert.That(rows.All(r => !r.Manual)).IsTrue();
        await Assert.That(bench.Files().Length).IsEqualTo(4);
        await Assert.That(Directory.GetFiles(bench.FolderOf("mcp-agent/orion")).Length).IsEqualTo(4);
    }

    [Test]
    public async Task A_busy_service_is_passed_over_and_one_that_somebody_waits_for_is_given_up()
    {
        var clock = new SteppedClock(TimeProvider.System.GetUtcNow());
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        var locks = new ServiceLocks(TimeProvider.System);
        var schedule = Schedule(bench, clock, locks, retain: 7);
        await schedule.PassAsync(CancellationToken.None);
        clock.Step(TimeSpan.FromMinutes(21));
        var notes = ServiceName.Parse("notes");
        using (locks.TryAcquire(notes, "a test"))
        {
            await schedule.PassAsync(CancellationToken.None);
            await Assert.That(agent.Exports.Where(e => e.ServiceName == "notes")).IsEmpty();
        }

        agent.ExportGate = new TaskCompletionSource().Task;
        clock.Step(TimeSpan.FromMinutes(10));
        var pass = schedule.PassAsync(CancellationToken.None);
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Exports.Any(e => e.ServiceName == "notes")), "the export has begun");
        using (await locks.AcquireAsync(notes, "an operator", TimeSpan.FromSeconds(30), null, CancellationToken.None))
            await pass;
        await Assert.That(bench.Files()).IsEmpty();
        await Assert.That(bench.Events("snapshot-failed")).IsEmpty();

        // And is taken a little later.
        agent.ExportGate = Task.CompletedTask;
        clock.Step(TimeSpan.FromMinutes(10));
        await schedule.PassAsync(CancellationToken.None);
        await Assert.That(bench.Rows().Count).IsEqualTo(1);
    }

    [Test]
    public async Task One_of_each_service_is_tried_out_in_a_loop_of_its_own_and_none_that_is_missing()
    {
        var clock = new SteppedClock(TimeProvider.System.GetUtcNow());
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        var parts = bench.Host.Parts;
        var settings = new SnapshotSettings(bench.Configuration.Snapshots.Folder) { Interval = Day, Drill = Day * 7 };
        var drills = new DrillSchedule(parts.Database, parts.Snapshots.Drilling, settings, clock, new Random(1), NullLogger<DrillSchedule>.Instance);
        await drills.PassAsync(CancellationToken.None);
        await Assert.That(agent.Drills).IsEmpty().Because("the first is not at once");
        clock.Step(TimeSpan.FromMinutes(21));
        var gate = new TaskCompletionSource();
        agent.DrillGate = gate.Task;
        var drilling = drills.PassAsync(CancellationToken.None);
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Drills.Count == 1), "the drill has begun");
        // While it takes its time, what is due is taken.
        var schedule = Schedule(bench, clock, new ServiceLocks(clock), retain: 7);
        await schedule.PassAsync(CancellationToken.None);
        clock.Step(Day * 1.1);
        await schedule.PassAsync(CancellationToken.None);
        await Assert.That(bench.Rows().Count).IsEqualTo(2);
        await Assert.That(drilling.IsCompleted).IsFalse();
        gate.SetResult();
        await drilling;
        await Assert.That(bench.Events("drilled").Count).IsEqualTo(1);

        foreach (var row in bench.Rows())
            parts.Database.Write(c => SnapshotStore.Seen(c, row.Id, there: false));
        clock.Step(Day * 8);
        await drills.PassAsync(CancellationToken.None);
        await Assert.That(agent.Drills.Count).IsEqualTo(1);
    }

    private static SnapshotSchedule Schedule(MasterBench bench, TimeProvider clock, ServiceLocks locks, int retain)
    {
        var parts = bench.Host.Parts;
        var settings = new SnapshotSettings(bench.Configuration.Snapshots.Folder) { Interval = Day, Retain = retain, Drill = TimeSpan.Zero };
        var runner = new OperationRunner(parts.Feed, "", clock);
        var taking = new SnapshotTaking(
            parts.Database, null!, runner, new SnapshotExport(parts.Links, parts.Board, TimeSpan.FromMinutes(10), clock), parts.Snapshots.Folder, parts.Snapshots.State,
            bench.Configuration with { Snapshots = settings }, clock);
        return new SnapshotSchedule(parts.Database, taking, locks, parts.Board, settings, clock, new Random(1), NullLogger<SnapshotSchedule>.Instance);
    }

    /// <summary>Stands still until it is stepped; its wall clock may be shifted apart from the monotonic one.</summary>
    private sealed class SteppedClock(DateTimeOffset? begin = null) : TimeProvider
    {
        public static readonly DateTimeOffset Begin = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);

        private TimeSpan _passed;

        public TimeSpan Shift { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Step(TimeSpan span) => _passed += span;

        public override DateTimeOffset GetUtcNow() => (begin ?? Begin) + _passed + Shift;

        public override long GetTimestamp() => _passed.Ticks;
    }
}
