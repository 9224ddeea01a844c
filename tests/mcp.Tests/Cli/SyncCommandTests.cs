using System.Text.Json;
using Mcp.Tests.Master;
using Mcp.V1;

namespace Mcp.Tests.Cli;

/// <summary>plan and sync as an operator types them, against a real master over TLS. The framework's statics are one a process.</summary>
[NotInParallel("command line")]
public class SyncCommandTests
{
    [Test]
    public async Task Plan_says_what_sync_does_and_the_exit_codes_tell_a_script()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Write("notes");
        desk.Write("wiki");
        var plan = await desk.RunAsync("plan");
        await Assert.That(plan.Code).IsEqualTo(2);
        await Assert.That(plan.Out).Contains("+ deploy    notes").And.Contains("2 changes, of them 0 removals (0 of core services); 0 unknown; 0 as defined");
        var dry = await desk.RunAsync("sync", "--dry-run");
        await Assert.That((dry.Code, dry.Out)).IsEqualTo((2, plan.Out));
        await Assert.That(desk.Agent.Deploys).IsEmpty();

        var refused = await desk.RunAsync("sync");
        await Assert.That(refused.Code).IsEqualTo(1).Because("nobody is there to ask");
        await Assert.That(refused.Error).Contains("not confirmed: carry out this plan (2 changes").And.Contains($"next: mcp sync --plan {Id(plan.Out)} --yes");
        var done = await desk.RunAsync("sync", "--yes");
        await Assert.That(done.Error + done.Out).Contains("2 of 2 done");
        await Assert.That(done.Code).IsEqualTo(0);
        await Assert.That((await desk.RunAsync("plan")).Code).IsEqualTo(0);
        var nothing = await desk.RunAsync("sync");
        var told1 = (nothing.Code, nothing.Error);
        await Assert.That(told1.Code == 0 && told1.Error.Contains("nothing to do", StringComparison.Ordinal)).IsTrue().Because(told1.ToString());

        desk.Write("notes", "registry.example.net/notes:v2");
        var one = await desk.RunAsync("plan", "wiki");
        await Assert.That(one.Code).IsEqualTo(0).Because("wiki is as defined");
        var both = await desk.RunAsync("plan", "wiki", "notes", "--json");
        await Assert.That(both.Code).IsEqualTo(2);
        var document = JsonDocument.Parse(both.Out).RootElement;
        await Assert.That(document.GetProperty("entries")[0].GetProperty("changes")[0].GetProperty("new").GetString()).IsEqualTo("registry.example.net/notes:v2");
        await Assert.That((await desk.RunAsync("plan", "--json", "notes", "wiki")).Out).IsEqualTo(both.Out);
        await Assert.That((await desk.RunAsync("sync", "--json")).Error).Contains("goes with --dry-run");
    }

    [Test]
    public async Task Removals_want_their_number_off_a_terminal_and_an_answer_on_one()
    {
        await using var desk = await Desk.OpenAsync();
        foreach (var name in (string[])["notes", "old"])
            desk.Write(name);
        desk.Write("registry", core: true);
        await desk.RunAsync("sync", "--yes");
        desk.Delete("old");
        desk.Delete("registry");
        var plain = await desk.RunAsync("sync", "--yes");
        await Assert.That(plain.Code).IsEqualTo(1);
        await Assert.That(plain.Error).Contains("this plan removes 2 services, 1 of them core").And.Contains("it removes old, registry (core)").And.Contains("--yes-remove 2 --core --yes");
        await Assert.That((await desk.RunAsync("sync", "--yes", "--yes-remove", "1", "--core")).Error).Contains("--yes-remove 1, and this plan removes 2");
        await Assert.That((await desk.RunAsync("sync", "--yes", "--yes-remove", "2")).Code).IsEqualTo(1).Because("a core service needs --core");
        await Assert.That((await desk.RunAsync("sync", "--yes", "--core")).Code).IsEqualTo(1);
        await Assert.That(desk.Agent.Others).IsEmpty();

        var no = await desk.RunOnTerminalAsync("n\n", "sync", "--yes");
        await Assert.That(no.Error).Contains($"Fleet default ({MasterBench.Domain}): carry out this plan").And.Contains("It removes old, registry (core); data stays. [y/N]").And.Contains("nothing was done");
        await Assert.That((no.Code, desk.Agent.Others.Count)).IsEqualTo((1, 0));
        var yes = await desk.RunOnTerminalAsync("y\n", "sync");
        await Assert.That(yes.Code).IsEqualTo(0);
        await Assert.That(desk.Agent.Others.Concat(desk.Hub.Others)).IsEquivalentTo(["undeploy old", "undeploy registry"]);

        desk.Write("more");
        desk.Delete("notes");
        await Assert.That((await desk.RunAsync("sync", "--yes", "--yes-remove=1")).Code).IsEqualTo(0);
        desk.Delete("more");
        var empty = await desk.RunAsync("sync", "--yes", "--yes-remove", "1");
        var told2 = (empty.Code, empty.Error);
        await Assert.That(told2.Code == 1 && told2.Error.Contains("has no definitions; a plan of an empty folder would remove every service", StringComparison.Ordinal)).IsTrue().Because(told2.ToString());
        await Assert.That(desk.Agent.Running.Keys).IsEquivalentTo(["more"]);
    }

    [Test]
    public async Task One_file_with_a_mistake_stops_everything_and_all_mistakes_are_told()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Write("notes");
        File.WriteAllText(desk.PathOf("broken"), "name = \"broken\"\ncomponents = 3\n");
        File.WriteAllText(desk.PathOf("torn"), "name = \"torn");
        File.WriteAllText(desk.PathOf("wiki"), Desk.Definition("memo", "registry.example.net/x:v1", core: false));
        var plan = await desk.RunAsync("plan");
        await Assert.That((plan.Code, plan.Out)).IsEqualTo((1, ""));
        await Assert.That(plan.Error).Contains("3 of 4 definitions have mistakes; nothing was sent").And.Contains("broken.toml:2").And.Contains("torn.toml:1").And.Contains("is \"memo\", and the file of a service is called after it: memo.toml");
        await Assert.That((await desk.RunAsync("sync", "notes", "--yes")).Code).IsEqualTo(0).Because("only the named file is read");
        await Assert.That((await desk.RunAsync("plan", "noets")).Error).Contains("there is no definition of 'noets'").And.Contains("did you mean 'notes'?");
    }

    [Test]
    public async Task Two_operators_do_not_go_over_each_others_work_unseen()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Write("notes");
        await desk.RunAsync("sync", "--yes");
        desk.Write("notes", "registry.example.net/notes:v2");
        var plan = await desk.RunAsync("plan");
        var bob = await desk.Bench.AddOperatorAsync("bob", "deploy");
        await bob.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].User = "1"), SeenGeneration = 1 }, MasterBench.Operation());

        var moved = await desk.RunAsync("sync", "--plan", Id(plan.Out), "--yes");
        await Assert.That(moved.Code).IsEqualTo(1);
        await Assert.That(moved.Error).Contains($"moved since plan {Id(plan.Out)}").And.Contains("notes: generation 2, then 1: deployed by human/bob at ");
        var unseen = await desk.RunAsync("sync", "--yes");
        await Assert.That(unseen.Out).Contains("NOT SEEN: generation 2 was deployed by human/bob");
        var told3 = (unseen.Code, unseen.Error);
        await Assert.That(told3.Code == 1 && told3.Error.Contains("1 service changed since this machine last looked: notes", StringComparison.Ordinal)).IsTrue().Because(told3.ToString());
        await Assert.That((await desk.RunAsync("rollback", "notes")).Error).Contains("not the data").And.Contains("this rollback last saw generation 1");

        // Whoever names the plan has read in it what bob did.
        plan = await desk.RunAsync("plan");
        await Assert.That((await desk.RunAsync("sync", "--plan", Id(plan.Out), "--yes")).Code).IsEqualTo(0);
        await Assert.That(desk.Agent.Running["notes"].Spec.Components[0].Image).IsEqualTo("registry.example.net/notes:v2");
        await Assert.That((await desk.RunAsync("plan")).Code).IsEqualTo(0);
    }

    [Test]
    public async Task Stop_and_start_set_active_in_the_definition_so_that_a_plan_finds_nothing()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Write("notes");
        await desk.RunAsync("sync", "--yes");
        await Assert.That((await desk.RunAsync("stop", "notes")).Code).IsEqualTo(0);
        await Assert.That(File.ReadAllText(desk.PathOf("notes"))).Contains("active = false");
        await Assert.That((await desk.RunAsync("plan")).Code).IsEqualTo(0);
        await Assert.That((await desk.RunAsync("start", "notes")).Code).IsEqualTo(0);
        await Assert.That(File.ReadAllText(desk.PathOf("notes"))).Contains("active = true");
        await Assert.That((await desk.RunAsync("plan")).Code).IsEqualTo(0);
    }

    [Test]
    public async Task A_flag_that_is_typed_reaches_the_agent()
    {
        await using var desk = await Desk.OpenAsync();
        desk.Write("notes");
        AgentDeployRequest Last() => desk.Agent.Deploys.Last().Request;
        await desk.RunAsync("deploy", "notes");
        await Assert.That((Last().Pull, Last().WithoutRoutes, Last().Overwrite, Last().Fresh, Last().Component)).IsEqualTo((false, false, false, false, ""));
        await desk.RunAsync("deploy", "notes/notes", "--pull", "--without-routes", "--overwrite");
        await Assert.That((Last().Pull, Last().WithoutRoutes, Last().Overwrite, Last().Fresh, Last().Component)).IsEqualTo((true, true, true, false, "notes"));
        await desk.RunAsync("undeploy", "notes", "--yes");
        await desk.RunAsync("deploy", "notes", "--fresh");
        await Assert.That((Last().Pull, Last().WithoutRoutes, Last().Overwrite, Last().Fresh, Last().Component)).IsEqualTo((false, false, false, true, ""));
    }

    [Test]
    public async Task A_failed_service_is_told_with_its_reason_and_the_code_is_1()
    {
        await using var desk = await Desk.OpenAsync();
        (desk.Agent.FailWith, desk.Agent.FailOnly) = ("notes never answered on /healthz", "notes");
        desk.Write("notes");
        desk.Write("wiki");
        var outcome = await desk.RunAsync("sync", "--yes");
        await Assert.That(outcome.Code).IsEqualTo(1);
        await Assert.That(outcome.Out).Contains("FAIL  deploy    notes  on orion: notes never answered on /healthz").And.Contains("ok    deploy    wiki");
        await Assert.That(outcome.Error).Contains("1 of 2 services failed: notes");
    }

    private static string Id(string output) => output.Split(' ')[1];

    /// <summary>An operator's machine that is logged in, and a fleet of a worker and the master's node.</summary>
    private sealed class Desk : IAsyncDisposable
    {
        private readonly TemporaryFolder _home = new();

        public required MasterBench Bench { get; init; }

        public FakeAgent Agent => Bench.AgentOf("orion");

        public FakeAgent Hub => Bench.AgentOf("hub");

        public static async Task<Desk> OpenAsync()
        {
            var desk = new Desk { Bench = await MasterBench.StartAsync() };
            await desk.Bench.AddAgentAsync("orion");
            await desk.Bench.AddAgentAsync("hub", "master");
            var added = await desk.Bench.Admin.OperatorAddAsync(new OperatorAddRequest { Name = "carol", Role = "admin" }, MasterBench.Operation());
            var login = await desk.RunAsync(added.Token + "\n", terminal: false, "login", desk.Bench.Address);
            if (login.Code != 0)
                throw new InvalidOperationException(login.Error);
            return desk;
        }

        public static string Definition(string name, string image, bool core) =>
            $"name = \"{name}\"\n{(core ? "tier = \"core\"\n" : "")}active = true\n\n[[components]]\nname = \"{name}\"\nimage = \"{image}\"\n";

        public string PathOf(string name) => Path.Combine(_home.Path, ".config/mcp/default/services", name + ".toml");

        public void Write(string name, string image = "registry.example.net/x:v1", bool core = false)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
            File.WriteAllText(PathOf(name), Definition(name, image, core));
        }

        public void Delete(string name) => File.Delete(PathOf(name));

        public Task<(int Code, string Out, string Error)> RunAsync(params string[] words) => RunAsync("", terminal: false, words);

        public Task<(int Code, string Out, string Error)> RunOnTerminalAsync(string input, params string[] words) => RunAsync(input, terminal: true, words);

        public async ValueTask DisposeAsync()
        {
            await Bench.DisposeAsync();
            _home.Dispose();
        }

        private async Task<(int Code, string Out, string Error)> RunAsync(string input, bool terminal, params string[] words)
        {
            using var bench = new CliBench(input, terminal, new Dictionary<string, string> { ["NO_COLOR"] = "1" }, _home.Path, TimeProvider.System);
            var code = await bench.RunAsync(words);
            return (code, bench.Out, bench.Error);
        }
    }
}
