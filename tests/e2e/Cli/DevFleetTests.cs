using System.Globalization;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Cli;

/// <summary>An operator's first hour with <c>mcp dev</c>: every output is read, every stream has its place.</summary>
internal sealed class DevFleetTests
{
    [Test]
    public async Task The_first_hour()
    {
        await using var fleet = await DevFleet.StartAsync();
        await Assert.That(fleet.Printed).Contains("export MCP_CONFIG_DIR=");
        await Assert.That(fleet.Printed).Contains("deploy hello");

        // The demo needs nothing but this file. Its name is changed, because other tests share this podman.
        var name = fleet.Unique("hello");
        var definition = (await File.ReadAllTextAsync(Path.Combine(fleet.Folder, "cli/services/hello.toml"))).Replace("\"hello\"", $"\"{name}\"").Replace("/srv/hello", $"/srv/{name}");
        var file = Path.Combine(fleet.Folder, "cli/services", name + ".toml");
        await File.WriteAllTextAsync(file, definition);

        var deployed = (await fleet.RunAsync("deploy", name)).OrThrow();
        await Assert.That(deployed.Output).Contains($"{name} is deployed on dev, generation 1");
        await Assert.That((await fleet.RunAsync("deploy", name)).OrThrow().Output).Contains("unchanged");

        var ps = JsonDocument.Parse((await fleet.RunAsync("ps", name, "--json")).OrThrow().Output).RootElement.GetProperty("containers")[0];
        await Assert.That(ps.GetProperty("state").GetString()).IsEqualTo("running");
        var port = ps.GetProperty("ports")[0].GetProperty("host_port").GetInt32();
        using var http = new HttpClient();
        var answer = await http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/")));
        await Assert.That(answer).Contains("Visit number 1");

        await Assert.That((await fleet.RunAsync("logs", name)).OrThrow().Output).Contains("visit 1");
        await Assert.That((await fleet.RunAsync("ps", name, "--direct", "-n", "dev")).OrThrow().Output).Contains("running");

        // Stopping is a wish, too: it is written down, and comments stay.
        (await fleet.RunAsync("stop", name)).OrThrow();
        var text = await File.ReadAllTextAsync(file);
        await Assert.That(text).Contains("active = false");
        await Assert.That(text).StartsWith("# The demo");
        (await fleet.RunAsync("start", name)).OrThrow();

        // Nobody is there to ask, so it must have been said.
        var refused = await fleet.RunAsync("undeploy", name);
        await Assert.That(refused.ExitCode).IsEqualTo(1);
        await Assert.That(refused.Errors).Contains($"next: mcp undeploy {name} --yes");
        (await fleet.RunAsync("undeploy", name, "--yes")).OrThrow();
        await Assert.That((await fleet.RunAsync("data", "list", name)).OrThrow().Output).Contains("current");
        await Assert.That((await fleet.RunAsync("data", "purge", name)).ExitCode).IsEqualTo(1);
        (await fleet.RunAsync("data", "purge", name, "--confirm", name)).OrThrow();

        await Assert.That(await fleet.InterruptAsync()).IsEqualTo(0);
    }

    [Test]
    public async Task A_second_start_finds_what_the_first_one_left_running()
    {
        await using var fleet = await DevFleet.StartAsync();
        var name = fleet.Unique("hello");
        var text = (await File.ReadAllTextAsync(Path.Combine(fleet.Folder, "cli/services/hello.toml"))).Replace("\"hello\"", $"\"{name}\"").Replace("/srv/hello", $"/srv/{name}");
        (await fleet.RunAsync("deploy", name, "-f", fleet.Define(name, text))).OrThrow();
        var before = await ContainerAsync(fleet, name);

        await Assert.That(await fleet.InterruptAsync()).IsEqualTo(0);
        var alive = (await TestPodman.RunAsync(["inspect", "--format", "{{.State.Running}}", before.Id])).OrThrow();
        await Assert.That(alive.Output.Trim()).IsEqualTo("true");

        await fleet.StartProcessAsync();
        await Assert.That(await ContainerAsync(fleet, name)).IsEqualTo(before);
    }

    [Test]
    public async Task Two_of_them_on_one_folder_are_refused()
    {
        await using var fleet = await DevFleet.StartAsync();
        var second = await PublishedBinary.RunAsync(["dev", "--dir", fleet.Folder], await TestPodman.EnvironmentAsync());
        await Assert.That(second.ExitCode).IsEqualTo(1);
        await Assert.That(second.Errors).Contains("another mcp dev runs");
    }

    private static async Task<(string Id, int Port)> ContainerAsync(DevFleet fleet, string name)
    {
        var ps = JsonDocument.Parse((await fleet.RunAsync("ps", name, "--json")).OrThrow().Output).RootElement.GetProperty("containers")[0];
        return (ps.GetProperty("id").GetString()!, ps.GetProperty("ports")[0].GetProperty("host_port").GetInt32());
    }
}
