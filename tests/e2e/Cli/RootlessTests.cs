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
        var folder = $"{user.Home}/dev/srv/hello";
        (await user.RunAsync("podman", "unshare", "bash", "-c", EveryKind, "bash", folder)).OrThrow();
        var digest = await DigestAsync(user, folder);
        (await Mcp("snapshot", "create", "hello")).OrThrow();
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 3");
        (await Mcp("snapshot", "restore", "hello", "--yes")).OrThrow();
        await Assert.That(await AnswerAsync(await PortAsync(Mcp))).Contains("Visit number 3");
        await Assert.That(await DigestAsync(user, folder)).IsEqualTo(digest);
        await Assert.That(long.Parse((await Shell.RunAsync("stat", ["-c", "%b", $"{folder}/kinds/holes"])).OrThrow().Output, CultureInfo.InvariantCulture)).IsLessThan(1000);
        // And GNU tar, without any of ours, restores the same from the file.
        (await Mcp("snapshot", "download", "hello", $"{user.Home}/hello.tar.zst")).OrThrow();
        (await user.RunAsync("podman", "unshare", "sh", "-c", "mkdir $1 && tar --zstd --xattrs --xattrs-include='user.*' --numeric-owner -xpf $1.tar.zst -C $1", "sh", $"{user.Home}/hello")).OrThrow();
        await Assert.That(await DigestAsync(user, $"{user.Home}/hello")).IsEqualTo(digest);
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

    // Owners are those of the user namespace: 0 is the user, the others are sub-ids.
    private const string EveryKind = """
        set -eu; mkdir -p "$1/kinds/empty" "$1/kinds/deep/er"; cd "$1/kinds"
        printf 'content\n' > plain; : > nothing; head -c 300000 /dev/urandom > deep/er/binary
        printf x > $'deep/line\nfeed \e[31m'; printf x > $'\xff\xfex'; printf x > "$(printf 'l%.0s' $(seq 200))"
        ln -s ../../plain deep/er/link; ln -s nowhere dangling; ln plain deep/hard
        truncate -s 8M holes; printf middle | dd of=holes bs=1 seek=3000001 conv=notrunc status=none
        python3 -c 'import os; os.setxattr("plain", "user.note", bytes([0, 1, 2, 255]))'
        chown 1234:4321 plain; chown 33:33 nothing; chown -h 77:88 dangling; chmod 640 plain; chmod 777 empty; chmod 500 deep/er
        touch -d '1999-12-31 23:59:59.123456789 UTC' plain; touch -d '1969-07-20 20:17:40.5 UTC' nothing; touch -h -d '2001-02-03 04:05:06.7 UTC' dangling
        touch -d '2026-02-03 04:05:06.000000007 UTC' empty; touch -d '2001-02-03 04:05:06.7 UTC' .
        """;

    private static async Task<string> DigestAsync(OrdinaryUser user, string folder) => (await user.RunAsync("podman", "unshare", "bash", "-c",
        "set -euo pipefail; tar --format=pax --pax-option=delete=atime,delete=ctime --xattrs --xattrs-include='user.*' --numeric-owner --sort=name -C \"$1/kinds\" -cf - . | sha256sum", "bash", folder)).OrThrow().Output;

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
