using System.Diagnostics;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>Long operations seen from terminals: let go and come back to, over a master that was killed meanwhile; and two people at once.</summary>
public partial class TwoOperatorsTests
{
    [Test]
    public async Task A_deploy_that_was_let_go_is_watched_again_over_the_death_of_the_master()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("watched");
        using var command = fleet.StartCommand("deploy", service, "-f", SlowService.Define(fleet, service, round: 1, seconds: 12));
        var printed = await UntilAsync(command, "health");
        (await Shell.RunAsync("kill", ["-INT", $"{command.Id}"])).OrThrow();
        printed += await command.StandardError.ReadToEndAsync();
        await command.WaitForExitAsync();
        var id = WatchCommand().Match(printed).Groups[1].Value;
        await Assert.That(id).IsNotEmpty().Because(printed);

        // Another terminal watches; under it the master dies and comes back.
        using var watch = fleet.StartCommand("watch", id);
        var seen = await UntilAsync(watch, "containers");
        await fleet.Master.KillAsync();
        fleet.Master.Start();
        seen += await watch.StandardError.ReadToEndAsync();
        var said = await watch.StandardOutput.ReadToEndAsync();
        await watch.WaitForExitAsync();
        await Assert.That(watch.ExitCode).IsEqualTo(0).Because(seen + said);
        await Assert.That(said).Contains("succeeded").Because(seen);

        // A third one comes after the end, and sees what the agent did, step by step.
        var late = await fleet.RunAsync("watch", id);
        await Assert.That(late.ExitCode).IsEqualTo(0).Because(late.ToString());
        foreach (var step in new[] { "validate", "images", "containers", "health", "registry" })
            await Assert.That(late.Errors).Contains(step).Because(late.ToString());

        // And the fleet's history says that the master's end lay in between.
        var events = (await fleet.RunAsync("events", "--service", service)).OrThrow();
        await Assert.That(events.Output).Contains("operation-settled").Because(events.Output);
        await new Invariants(fleet, service).CheckAsync(Settled.Running, "1", [late], "the master died under a watched deploy");
    }

    [Test]
    public async Task A_second_change_of_a_service_waits_and_says_for_what()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("twice");
        var invariants = new Invariants(fleet, service);
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();

        // Two deploys of one service: the second waits, and is not silently laid over the first.
        using var first = fleet.StartCommand("deploy", service, "-f", SlowService.Define(fleet, service, round: 2, seconds: 5));
        await UntilAsync(first, "health");
        var second = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 3));
        await Assert.That(second.Errors).Contains("waiting").And.Contains("held by deploy").And.Contains("human/").Because(second.ToString());
        await Assert.That(await EndAsync(first)).IsEqualTo(0);
        await Assert.That(second.ExitCode).IsEqualTo(1).Because(second.ToString());
        await Assert.That(second.Errors).Contains("last saw generation 1").And.Contains("--overwrite").Because(second.ToString());
        await invariants.CheckAsync(Settled.Running, "2", [second], "two deploys at once");

        // An undeploy that comes before a slow deploy has ended: it waits for that end, and then there is nothing.
        using var slow = fleet.StartCommand("deploy", service, "-f", SlowService.Define(fleet, service, round: 4, seconds: 5));
        await UntilAsync(slow, "health");
        var undeploy = await fleet.RunAsync("undeploy", service, "--yes");
        await Assert.That(undeploy.ExitCode).IsEqualTo(0).Because(undeploy.ToString());
        await Assert.That(undeploy.Errors).Contains("waiting").And.Contains("held by deploy").Because(undeploy.ToString());
        await Assert.That(await EndAsync(slow)).IsEqualTo(0);
        await invariants.CheckAsync(Settled.Undeployed, null, [undeploy], "an undeploy during a deploy");

        // The holder of the lock dies with the master: nothing holds it afterwards.
        using var lost = fleet.StartCommand("deploy", service, "-f", SlowService.Define(fleet, service, round: 5, seconds: 3));
        await UntilAsync(lost, "health");
        await fleet.Master.KillAsync();
        fleet.Master.Start();
        await EndAsync(lost);
        await fleet.UntilHealthyAsync();
        var after = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 6), "--overwrite");
        await Assert.That(after.ExitCode).IsEqualTo(0).Because(after.ToString());
        await invariants.CheckAsync(Settled.Running, "6", [after], "the master died while it held the service");
    }

    // Reads the progress until a line has the word.
    private static async Task<string> UntilAsync(Process command, string word)
    {
        var printed = "";
        while (await command.StandardError.ReadLineAsync() is { } line)
        {
            printed += line + "\n";
            if (line.Contains(word, StringComparison.Ordinal))
                return printed;
        }
        throw new InvalidOperationException($"it ended before '{word}': {printed}");
    }

    private static async Task<int> EndAsync(Process command)
    {
        await command.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await command.WaitForExitAsync(limit.Token);
        return command.ExitCode;
    }

    [GeneratedRegex(@"mcp watch ([0-9a-f-]{36})")]
    private static partial Regex WatchCommand();
}
