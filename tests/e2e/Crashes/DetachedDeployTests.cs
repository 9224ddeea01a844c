using System.Diagnostics;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>A deploy outlives the command that asked for it: interrupted, or killed without a word, it goes on to its end and can be watched again.</summary>
public partial class DetachedDeployTests
{
    [Test]
    public async Task Ctrl_C_lets_go_and_says_how_to_watch()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("letgo");
        using var command = fleet.StartCommand("deploy", service, "-f", Definition(fleet, service));
        var printed = await UntilItActsAsync(command);
        (await Shell.RunAsync("kill", ["-INT", $"{command.Id}"])).OrThrow();
        printed += await command.StandardError.ReadToEndAsync();
        await command.WaitForExitAsync();

        var id = WatchCommand().Match(printed);
        await Assert.That(id.Success).IsTrue().Because(printed);
        var watched = await fleet.RunAsync("watch", id.Groups[1].Value);
        await Assert.That(watched.ExitCode).IsEqualTo(0).Because(watched.ToString());
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
    }

    [Test]
    public async Task A_killed_command_changes_nothing_about_its_deploy()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("killed");
        using var command = fleet.StartCommand("deploy", service, "-f", Definition(fleet, service));
        await UntilItActsAsync(command);
        command.Kill();
        await command.WaitForExitAsync();

        await Wait.UntilAsync("the deploy has ended well", async () =>
            (await fleet.RunAsync("list", "--json")).Output.Contains("\"placed\"", StringComparison.Ordinal), otherwise: () => Task.FromResult(fleet.Master.Printed));
        var history = (await fleet.RunAsync("history", service, "--json")).OrThrow();
        await Assert.That(history.Output).Contains("\"generation\": 1").Because(history.ToString());
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
    }

    // The first lines of its progress: from here on the agent is at work, for at least the two seconds that a container without a health check has to stay up.
    private static async Task<string> UntilItActsAsync(Process command)
    {
        var printed = "";
        while (await command.StandardError.ReadLineAsync() is { } line)
        {
            printed += line + "\n";
            if (line.Contains("validate", StringComparison.Ordinal))
                return printed;
        }
        throw new InvalidOperationException($"the deploy ended before it began: {printed}");
    }

    private static string Definition(SplitFleet fleet, string service) => fleet.Define(service, $"""
        name = "{service}"

        [[components]]
        name  = "{service}"
        image = "{TestPodman.BusyboxImage}"
        cmd   = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
        """);

    [GeneratedRegex(@"mcp watch ([0-9a-f-]{36})")]
    private static partial Regex WatchCommand();
}
