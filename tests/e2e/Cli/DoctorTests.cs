using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Cli;

/// <summary>The doctor of the published file on a fleet that is well, and on the same fleet with one thing after another broken on purpose.</summary>
internal sealed class DoctorTests
{
    [Test]
    public async Task What_is_broken_on_purpose_is_found_with_its_remedy_and_nothing_else()
    {
        await using var fleet = await SplitFleet.StartAsync();
        await File.AppendAllTextAsync(fleet.PathOf("cli/mcp.toml"), $"\n[[nodes]]\nname = \"{SplitFleet.Node}\"\naddress = \"{fleet.AgentAddress}\"\nfallbacks = [\"127.0.0.1:1\"]\n");

        // Well, but for the fallback to which nobody listens.
        var well = await LookAsync(fleet);
        await Assert.That(Of(well, "peers", "error")).IsEmpty().Because(Text(well));
        await Assert.That(Of(well, "peers", "warning").Single().Message).Contains("127.0.0.1:1");
        await Assert.That(Of(well, "clock", "ok").Count).IsGreaterThanOrEqualTo(2).Because(Text(well));
        foreach (var check in new[] { "files", "certificates", "databases", "addresses", "secrets", "podman", "disk" })
        {
            await Assert.That(Of(well, check, "error")).IsEmpty().Because(Text(well));
            await Assert.That(well.Any(l => l.Check == check)).IsTrue().Because($"no line of {check}: {Text(well)}");
        }

        // A database that others may read.
        File.SetUnixFileMode(fleet.AgentDatabase, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        var wide = await LookAsync(fleet);
        await Assert.That(Of(wide, "secrets", "error").Single().Remedy).IsEqualTo($"chmod 0600 {fleet.AgentDatabase}").Because(Text(wide));
        File.SetUnixFileMode(fleet.AgentDatabase, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        // A podman that hangs.
        (await Shell.RunAsync("kill", ["-STOP", $"{fleet.PodmanProcessId}"])).OrThrow();
        try
        {
            var hung = await LookAsync(fleet);
            await Assert.That(Of(hung, "podman", "error").Single().Message).Contains("podman hangs").Because(Text(hung));
            await Assert.That(Of(hung, "peers", "error")).IsEmpty().Because(Text(hung));
        }
        finally
        {
            await Shell.RunAsync("kill", ["-CONT", $"{fleet.PodmanProcessId}"]);
        }

        // The master is down, the agent is down, and somebody else has the agent's port.
        await fleet.Master.KillAsync();
        await fleet.Agent.KillAsync();
        using var thief = new TcpListener(IPEndPoint.Parse(fleet.AgentAddress));
        thief.Start();
        var down = await LookAsync(fleet);
        await Assert.That(Of(down, "peers", "error").Any(l => l.Message.Contains("master/mcp-master", StringComparison.Ordinal))).IsTrue().Because(Text(down));
        await Assert.That(Of(down, "addresses", "error").Single().Message).Contains("taken by another process").Because(Text(down));
        await Assert.That(Of(down, "units", "error").Count + Of(down, "units", "warning").Count).IsGreaterThanOrEqualTo(1).Because(Text(down));
        thief.Stop();

        // A damaged database, a certificate of somebody else, a file that is not what it was, an address of nobody.
        await DamageAsync(fleet.MasterDatabase);
        var certificate = Path.Combine(fleet.AgentHome, "certs/agent.pem");
        File.Copy(fleet.PathOf("cli/human.pem"), certificate, overwrite: true);
        var toml = Path.Combine(fleet.AgentHome, "mcp-agent.toml");
        var text = await File.ReadAllTextAsync(toml);
        await File.WriteAllTextAsync(toml, text.Replace(fleet.AgentAddress, "192.0.2.7:9444", StringComparison.Ordinal));
        var broken = await LookAsync(fleet);
        await Assert.That(Of(broken, "databases", "error").Single().Remedy).Contains("docs/operations.md").Because(Text(broken));
        await Assert.That(Of(broken, "certificates", "error").Single().Message).Contains($"not agent/{SplitFleet.Node}").Because(Text(broken));
        await Assert.That(Of(broken, "addresses", "error").Any(l => l.Message.Contains("192.0.2.7", StringComparison.Ordinal))).IsTrue().Because(Text(broken));

        await File.WriteAllTextAsync(toml, text + "\n[colours]\nred = 1\n");
        var unread = await LookAsync(fleet);
        await Assert.That(Of(unread, "files", "error").Single().Message).Contains("mcp-agent.toml:").Because(Text(unread));
    }

    private static async Task DamageAsync(string database)
    {
        await using var file = File.OpenWrite(database);
        await file.WriteAsync(new byte[64]);
    }

    private sealed record Line(string Check, string Verdict, string Message, string Remedy);

    private static List<Line> Of(List<Line> lines, string check, string verdict) => [.. lines.Where(l => l.Check == check && l.Verdict == verdict)];

    private static string Text(List<Line> lines) => string.Join('\n', lines);

    // With errors the exit code is 1, and never anything else; whether it has errors on a test machine depends on what that machine lacks.
    private static async Task<List<Line>> LookAsync(SplitFleet fleet)
    {
        var result = await fleet.RunAsync("doctor", "--json", "--agent-config", Path.Combine(fleet.AgentHome, "mcp-agent.toml"),
            "--master-config", Path.Combine(Path.GetDirectoryName(fleet.MasterDatabase)!, "mcp-master.toml"));
        using var document = JsonDocument.Parse(result.Output);
        List<Line> lines = [.. document.RootElement.GetProperty("lines").EnumerateArray().Select(l => new Line(
            l.GetProperty("check").GetString()!, l.GetProperty("verdict").GetString()!, l.GetProperty("message").GetString()!, l.GetProperty("remedy").GetString()!))];
        if (result.ExitCode != (lines.Any(l => l.Verdict == "error") ? 1 : 0))
            throw new InvalidOperationException(result.ToString());
        return lines;
    }
}
