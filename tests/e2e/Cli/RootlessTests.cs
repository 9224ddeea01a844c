using System.Globalization;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Cli;

/// <summary><c>mcp dev</c> as an ordinary user: a deploy that answers, a redeploy that keeps its data, an undeploy. Skipped, with the reason, where podman itself cannot run without root.</summary>
internal sealed class RootlessTests
{
    [Test]
    public async Task An_ordinary_user_has_a_fleet_of_its_own()
    {
        var (user, reason) = await OrdinaryUser.TryCreateAsync();
        Skip.When(user is null, $"rootless is not tested on this machine: {reason}");
        await using var made = user!;
        using var dev = user!.Start($"{user.Home}/mcp", "dev", "--dir", $"{user.Home}/dev");
        dev.StandardInput.Close();
        var printed = new System.Text.StringBuilder();
        dev.OutputDataReceived += (_, line) => Keep(printed, line.Data);
        dev.ErrorDataReceived += (_, line) => Keep(printed, line.Data);
        dev.BeginOutputReadLine();
        dev.BeginErrorReadLine();
        Task<CommandResult> Mcp(params string[] arguments) => user.RunAsync([$"{user.Home}/mcp", .. arguments]);
        await Wait.UntilAsync("the node is healthy", async () =>
            dev.HasExited ? throw new InvalidOperationException($"mcp dev ended: {printed}") : (await Mcp("node", "list", "--json")).Output.Contains("\"healthy\"", StringComparison.Ordinal),
            TimeSpan.FromMinutes(2), () => Task.FromResult(printed.ToString()));

        (await Mcp("deploy", "hello")).OrThrow();
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 1");

        // Another container on the same data: what it counted is still there, and belongs to the user.
        var definition = $"{user.Home}/dev/cli/services/hello.toml";
        var text = await File.ReadAllTextAsync(definition);
        await File.WriteAllTextAsync(definition, text.Replace("[components.health]", "env = [\"ROUND=2\"]\n\n[components.health]", StringComparison.Ordinal) + "\n[snapshot]\nmethod = \"full\"\n");
        await Assert.That((await Mcp("deploy", "hello")).OrThrow().Output).Contains("generation 2");
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 2");

        // What it counted comes back from a snapshot, with owners as the containers see them, and what was displaced can be erased.
        (await Mcp("snapshot", "create", "hello")).OrThrow();
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 3");
        (await Mcp("snapshot", "restore", "hello", "--yes")).OrThrow();
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 3");
        (await Mcp("data", "purge", "hello", "--state", "aside", "--confirm", "hello")).OrThrow();
        await Assert.That((await Shell.RunAsync("find", [$"{user.Home}/dev/srv/.mcp/aside", $"{user.Home}/dev/srv/.mcp/staging", "-mindepth", "1"])).OrThrow().Output).IsEmpty();

        // The doctor sees a node without root; what it finds amiss on a test machine is not the point, that it sees the right things is.
        var doctor = await Mcp("doctor", "--agent-config", $"{user.Home}/dev/srv/mcp/mcp-agent.toml", "--master-config", $"{user.Home}/dev/srv/mcp-master/mcp-master.toml");
        await Assert.That(doctor.Output).Contains("rootless").Because(doctor.ToString());

        (await Mcp("undeploy", "hello", "--yes")).OrThrow();
        await Assert.That((await user.RunAsync("podman", "ps", "-aq")).OrThrow().Output.Trim()).IsEmpty();
        (await Shell.RunAsync("kill", ["-INT", dev.Id.ToString(CultureInfo.InvariantCulture)])).OrThrow();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await dev.WaitForExitAsync(limit.Token);
        await Assert.That(dev.ExitCode).IsEqualTo(0).Because(printed.ToString());
    }

    private static void Keep(System.Text.StringBuilder printed, string? line)
    {
        lock (printed)
            printed.AppendLine(line);
    }

    private static async Task<int> PortAsync(Func<string[], Task<CommandResult>> mcp)
    {
        using var seen = JsonDocument.Parse((await mcp(["ps", "hello", "--json"])).OrThrow().Output);
        return seen.RootElement.GetProperty("containers")[0].GetProperty("ports")[0].GetProperty("host_port").GetInt32();
    }

    private static async Task<string> AnswerAsync(int port)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/")));
    }
}
