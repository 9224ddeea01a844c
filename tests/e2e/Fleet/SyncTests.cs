using System.Text.Json;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>A folder of definitions, synced with real containers: first all, then what was edited and taken away, then with the master killed in the middle.</summary>
public partial class SyncTests
{
    [Test]
    public async Task A_folder_is_synced_edited_synced_again_and_survives_the_masters_death()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var (notes, wiki, old) = (fleet.Unique("notes"), fleet.Unique("wiki"), fleet.Unique("old"));
        Directory.CreateDirectory(fleet.Definitions);
        foreach (var service in (string[])[notes, wiki, old])
            Write(fleet, service);

        var plan = await fleet.RunAsync("plan");
        await Assert.That(plan.ExitCode).IsEqualTo(2).Because(plan.ToString());
        (await fleet.RunAsync("sync", "--yes")).OrThrow();
        await Assert.That((await fleet.RunAsync("plan")).ExitCode).IsEqualTo(0);
        var before = await IdsAsync(notes);

        // Edited, taken away; the route's hostname changes without touching the container.
        Write(fleet, wiki, env: "GREETING=hello");
        Write(fleet, notes, hostname: "notes.example.org");
        File.Delete(PathOf(fleet, old));
        plan = await fleet.RunAsync("plan");
        await Assert.That(plan.Output).Contains("3 changes, of them 1 removal (0 of core services)").And.Contains("without interruption").And.Contains("INTERRUPTS it");

        // Somebody deploys in between: the plan that was read does not hold any more, and says why.
        var other = fleet.Define($"{wiki}-other", Definition(wiki, "GREETING=bonjour", ""));
        (await fleet.RunAsync("deploy", wiki, "-f", other, "--overwrite")).OrThrow();
        var moved = await fleet.RunAsync("sync", "--plan", plan.Output.Split(' ')[1], "--yes", "--yes-remove", "1");
        await Assert.That(moved.ExitCode).IsEqualTo(1);
        await Assert.That(moved.ToString()).Contains($"{wiki}: generation 2, then 1: deployed by human/");
        await Assert.That(await SplitFleet.ContainersAsync(old)).IsEquivalentTo([$"{old} running"]);

        plan = await fleet.RunAsync("plan", "--json");
        var id = JsonDocument.Parse(plan.Output).RootElement.GetProperty("id").GetString()!;
        (await fleet.RunAsync("sync", "--plan", id, "--yes", "--yes-remove", "1")).OrThrow();
        await Assert.That(await SplitFleet.ContainersAsync(old)).IsEmpty();
        await Assert.That(await IdsAsync(notes)).IsEqualTo(before).Because("a hostname is no part of the container");
        await Assert.That((await fleet.RunAsync("data", "list", old)).Output).Contains("current").Because("data stays");
        await Assert.That((await fleet.RunAsync("plan")).ExitCode).IsEqualTo(0);

        await KilledInTheMiddleAsync(fleet, notes, wiki);
    }

    private static async Task KilledInTheMiddleAsync(SplitFleet fleet, string notes, string wiki)
    {
        string[] more = [fleet.Unique("one"), fleet.Unique("two"), fleet.Unique("three")];
        foreach (var service in more)
            Write(fleet, service);
        Write(fleet, notes, hostname: "notes.example.org", env: "A=1");
        using var command = fleet.StartCommand("sync", "--yes");
        var printed = "";
        // The first part acts: it has at least the two seconds before it that a container must stay up, and the others come after it.
        while (!printed.Contains("containers: create", StringComparison.Ordinal) && await command.StandardError.ReadLineAsync() is { } line)
            printed += line + "\n";
        await fleet.Master.KillAsync();
        (await Shell.RunAsync("kill", ["-INT", $"{command.Id}"])).OrThrow();
        printed += await command.StandardError.ReadToEndAsync();
        var id = WatchCommand().Match(printed);
        await Assert.That(id.Success).IsTrue().Because(printed);

        fleet.Master.Start();
        await fleet.UntilHealthyAsync();
        var watched = await fleet.RunAsync("watch", id.Groups[1].Value);
        await Assert.That(watched.ExitCode).IsEqualTo(0).Because($"{watched}\n{fleet.Master.Printed}");
        foreach (var service in more.Append(notes).Append(wiki))
            await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
        await Assert.That((await fleet.RunAsync("plan")).ExitCode).IsEqualTo(0);
        await Assert.That((await fleet.RunAsync("events")).Output).Contains("sync-resumed");
    }

    private static async Task<string> IdsAsync(string service) =>
        (await TestPodman.RunAsync(["ps", "-q", "--filter", $"label=mcp.service={service}"])).OrThrow().Output;

    private static string PathOf(SplitFleet fleet, string service) => Path.Combine(fleet.Definitions, $"{service}.toml");

    private static void Write(SplitFleet fleet, string service, string env = "", string hostname = "") => File.WriteAllText(PathOf(fleet, service), Definition(service, env, hostname));

    private static string Definition(string service, string env, string hostname) => $"""
        name = "{service}"

        [[components]]
        name  = "{service}"
        image = "{TestPodman.BusyboxImage}"
        cmd   = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
        env   = [{(env.Length > 0 ? $"\"{env}\"" : "")}]

        [[components.routes]]
        name = "web"
        port = 8443
        mode = "l7"
        container_port = 8080
        {(hostname.Length > 0 ? $"hostname = \"{hostname}\"" : "")}
        """;

    [GeneratedRegex(@"mcp watch ([0-9a-f-]{36})")]
    private static partial Regex WatchCommand();
}
