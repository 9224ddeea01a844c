using System.Diagnostics;
using Mcp.Agent.Deploying;
using Mcp.Names;
using Mcp.Tests.Podman;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>What begins and ends is told once each, whatever podman does; the drift of real containers is in the end-to-end tests.</summary>
internal sealed class MonitorTests
{
    [Test]
    public async Task What_begins_and_ends_is_told_once_each_also_over_a_restart()
    {
        await using var bench = new MonitorBench();
        bench.Run();
        await bench.LooksAsync(3);
        await Assert.That(bench.Kinds()).IsEmpty();
        bench.State = "exited";
        bench.ExitCode = 3;
        await bench.UntilAsync("container-down");
        await Assert.That(bench.Events().Single().Message).Contains("notes-web").And.Contains("exit code 3").And.Contains("mcp start notes");
        await bench.LooksAsync(3);
        await bench.RestartAsync();
        await bench.LooksAsync(3);
        await Assert.That(bench.Kinds().Count(k => k == "container-down")).IsEqualTo(1);
        bench.State = "running";
        await bench.UntilAsync("container-down-over");
        await bench.LooksAsync(3);
        await Assert.That(bench.Kinds().Count(k => k.StartsWith("container-", StringComparison.Ordinal))).IsEqualTo(2);
    }

    [Test]
    public async Task A_container_that_is_gone_and_one_that_nobody_watches()
    {
        await using var bench = new MonitorBench();
        using var conmon = Process.Start("sleep", "600");
        bench.ConmonPid = conmon.Id;
        bench.Run();
        await bench.LooksAsync(2);
        // Not reaped: it stays as a zombie until WaitForExit, and is as dead.
        conmon.Kill();
        await bench.UntilAsync("container-unwatched");
        bench.ConmonPid = Environment.ProcessId;
        await bench.UntilAsync("container-unwatched-over");
        bench.State = "";
        await bench.UntilAsync("container-missing");
        conmon.WaitForExit();
    }

    [Test]
    public async Task What_somebody_works_on_is_not_judged_until_he_is_done()
    {
        await using var bench = new MonitorBench();
        var held = bench.Parts.Locks.TryAcquire(ServiceName.Parse("notes"), "a deploy")!;
        bench.State = "exited";
        bench.Run();
        var before = bench.Podman.Requests.Count(r => r.Path.StartsWith("_ping", StringComparison.Ordinal));
        while (bench.Podman.Requests.Count(r => r.Path.StartsWith("_ping", StringComparison.Ordinal)) < before + 4)
            await Task.Delay(20);
        await Assert.That(bench.Kinds()).IsEmpty();
        bench.State = "running";
        held.Dispose();
        await bench.LooksAsync(2);
        await Assert.That(bench.Kinds()).IsEmpty();
    }

    [Test]
    public async Task Podmans_events_say_look_and_its_counters_what_they_missed()
    {
        await using var bench = new MonitorBench(s => s with { FlapThreshold = 3 });
        bench.Run();
        await bench.LooksAsync(2);
        // Started anew, and no event told of it.
        (bench.Restarts, bench.StartedAt) = (1, bench.StartedAt.AddSeconds(1));
        await bench.UntilAsync("exited");
        await Assert.That(bench.Events().Single().Message).Contains("runs again");
        (bench.Restarts, bench.StartedAt) = (9, bench.StartedAt.AddSeconds(1));
        await bench.UntilAsync("container-flapping");
        var told = bench.Kinds().Length;
        (bench.Restarts, bench.StartedAt) = (20, bench.StartedAt.AddSeconds(1));
        await bench.LooksAsync(3);
        await Assert.That(bench.Kinds().Length).IsEqualTo(told);
    }

    [Test]
    public async Task An_event_is_looked_at_at_once()
    {
        await using var bench = new MonitorBench(s => s with { Interval = TimeSpan.FromMinutes(10) });
        var died = new TaskCompletionSource();
        bench.Podman.On("GET", "events", async answer =>
        {
            await answer.BeginAsync();
            await died.Task;
            await answer.ChunkAsync($$"""{"Type":"container","Action":"died","Actor":{"ID":"{{MonitorBench.Container}}","Attributes":{"name":"notes-web","containerExitCode":"7","{{OwnLabels.Service}}":"notes"} },"time":1900000000,"timeNano":1900000000000000000}""" + "\n");
            await answer.HangAsync();
        });
        bench.Run();
        await bench.LooksAsync(1);
        bench.State = "exited";
        died.SetResult();
        await bench.UntilAsync("container-down");
        await bench.UntilAsync("exited");
        await Assert.That(bench.Events().Single(e => e.Kind == "exited").Message).Contains("exit code 7");
    }

    [Test]
    public async Task A_podman_that_refuses_for_a_moment_is_not_lost()
    {
        await using var bench = new MonitorBench();
        bench.Run();
        await bench.LooksAsync(2);
        bench.Refusals = 3;
        await bench.LooksAsync(8);
        await Assert.That(bench.Kinds()).IsEmpty();
        bench.Refusals = int.MaxValue;
        await bench.UntilAsync("podman-unreachable");
    }

    [Test]
    [Arguments("cut")]
    [Arguments("hang")]
    [Arguments("500")]
    [Arguments("lie")]
    public async Task A_podman_that_is_lost_is_told_once_and_once_that_it_is_back(string how)
    {
        await using var bench = new MonitorBench();
        bench.Run();
        await bench.LooksAsync(2);
        Func<FakeAnswer, Task> broken = how switch
        {
            "cut" => answer => answer.CutAsync(),
            "hang" => answer => answer.HangAsync(),
            "500" => answer => answer.TextAsync(500, """{"cause":"storage","message":"storage lock","response":500}"""),
            _ => answer => answer.TextAsync(200, "{{{{"),
        };
        var working = true;
        bench.Podman.On("GET", "containers/", answer => working ? answer.TextAsync(404, "{}") : broken(answer));
        working = false;
        await bench.UntilAsync("podman-unreachable");
        int Asked() => bench.Podman.Requests.Count(r => r.Path.StartsWith("containers/", StringComparison.Ordinal));
        var asked = Asked();
        await Task.Delay(TimeSpan.FromSeconds(2));
        // No busy loop: pauses grow from a second on.
        await Assert.That(Asked() - asked).IsLessThan(5);
        await Assert.That(bench.Kinds()).IsEquivalentTo(["podman-unreachable"]);
        bench.Podman.On("GET", "_ping", answer => answer.PongAsync("5.0.0"));
        working = true;
        await bench.UntilAsync("podman-unreachable-over");
        await bench.UntilAsync("podman-changed");
        // Unknown was not absent; now it is: the scripted podman has no container any more.
        await bench.UntilAsync("container-missing");
    }
}
