using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// The very first start, killed at every durable call (strace delivers SIGKILL at the k-th fsync or rename): the next try succeeds, and no
/// half key, certificate or database is in its way. The sweep ends with the first k that the program does not reach.
/// </summary>
public class FirstStartTests
{
    private const string Durable = "fsync,fdatasync,rename,renameat,renameat2";

    // A program that reaches more durable calls than this has changed its ways; the test should be looked at.
    private const int MostCalls = 200;

    [Test]
    public async Task Master_init_killed_at_every_durable_call_can_be_run_again()
    {
        var killed = 0;
        for (var k = 1; k < MostCalls; k++)
        {
            using var folder = new TemporaryFolder();
            string[] init = [PublishedBinary.Path, "master", "init", "--domain", "first.test", "--address", "127.0.0.1:9555", "--home", folder.PathOf("master")];
            var first = await Shell.RunAsync("strace", UnderStrace(k, init), new Dictionary<string, string?>());
            if (first.ExitCode == 0)
                break;
            killed++;
            var again = await Shell.RunAsync(init[0], init[1..]);
            // Killed after its last rename it is whole, and says so; the token was shown before.
            var whole = again.Errors.Contains("there is a fleet", StringComparison.Ordinal);
            await Assert.That(again.ExitCode).IsEqualTo(whole ? 1 : 0).Because($"init killed at durable call {k}, then: {again}");
            await Assert.That((whole ? first : again).Output.Trim()).IsNotEmpty().Because($"the token after a kill at durable call {k}");
        }
        await Assert.That(killed).IsGreaterThan(5);
    }

    [Test]
    public async Task Agent_join_killed_at_every_durable_call_can_be_run_again_with_the_same_token()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var folder = new TemporaryFolder();
        var killed = 0;
        for (var k = 1; k < MostCalls; k++)
        {
            // A master takes 30 calls a minute from strangers at one address, and each round makes four; one that begins anew has forgotten them.
            if (k % 5 == 0)
            {
                await fleet.Master.TerminateAsync();
                fleet.Master.Start();
                await fleet.UntilHealthyAsync();
            }
            var node = $"bee{k}";
            var token = (await fleet.RunAsync("node", "add", node)).OrThrow().Output.Trim() + "\n";
            var home = folder.PathOf(node);
            string[] join = ["agent", "join", fleet.MasterAddress, "--home", home, "--data-root", folder.PathOf("srv"), "--address", "127.0.0.1:1", "--listen", "127.0.0.1:0"];
            var first = await fleet.RunAsync("strace", UnderStrace(k, [PublishedBinary.Path, .. join]), token);
            if (first.ExitCode == 0)
                break;
            killed++;
            var again = await fleet.RunAsync(PublishedBinary.Path, join, token);
            // Killed after its last rename it is whole, and says so.
            var whole = again.Errors.Contains("this node has joined already", StringComparison.Ordinal);
            await Assert.That(again.ExitCode).IsEqualTo(whole ? 1 : 0).Because($"join killed at durable call {k}, then: {again}");
            foreach (var file in new[] { "mcp-agent.toml", "certs/agent.pem", "certs/ca.pem" })
                await Assert.That(File.Exists(Path.Combine(home, file))).IsTrue().Because($"{file} after a kill at durable call {k}");
        }
        await Assert.That(killed).IsGreaterThan(3);
    }

    private static string[] UnderStrace(int k, IReadOnlyList<string> command) =>
        ["-f", "-qq", "-o", "/dev/null", "-e", $"trace={Durable}", "-e", $"inject={Durable}:signal=KILL:when={k}", .. command];
}
