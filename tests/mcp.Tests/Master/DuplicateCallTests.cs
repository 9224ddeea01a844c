using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Agent;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Master;

/// <summary>
/// FAULTS F21: whatever changes something may be asked ten times at once and again later under one operation id, and comes to what one call
/// comes to. The methods are those of the tables: a new one that is in none of the lists below fails here.
/// </summary>
internal sealed class DuplicateCallTests
{
    private delegate Task<IMessage> Ask(McpMasterService.McpMasterServiceClient master, CallOptions options);

    // In an order in which each finds what it needs.
    private static readonly (string Method, Ask Call)[] OfMaster =
    [
        ("Deploy", async (m, o) => await m.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes") }, o)),
        ("Stop", async (m, o) => await m.StopAsync(new LifecycleRequest { ServiceName = "notes" }, o)),
        ("Start", async (m, o) => await m.StartAsync(new LifecycleRequest { ServiceName = "notes" }, o)),
        ("Restart", async (m, o) => await m.RestartAsync(new LifecycleRequest { ServiceName = "notes" }, o)),
        ("Deploy", async (m, o) => await m.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=b")), SeenGeneration = 1 }, o)),
        ("Rollback", async (m, o) => await m.RollbackAsync(new RollbackRequest { Overwrite = true, ServiceName = "notes" }, o)),
        ("Undeploy", async (m, o) => await m.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, o)),
        ("DataAccept", async (m, o) => await m.DataAcceptAsync(new DataAcceptRequest { ServiceName = "notes", Node = "orion" }, o)),
        ("DataPurge", async (m, o) => await m.DataPurgeAsync(new DataPurgeRequest { ServiceName = "notes", Confirm = "notes" }, o)),
        ("Adopt", async (m, o) => await m.AdoptAsync(new AdoptRequest { Node = "orion", Spec = MasterBench.Spec("wiki") }, o)),
        ("Purge", async (m, o) => await m.PurgeAsync(new PurgeRequest(), o)),
        ("NodeAdd", async (m, o) => await m.NodeAddAsync(new NodeAddRequest { Name = "vega", Role = "worker" }, o)),
        ("NodeCordon", async (m, o) => await m.NodeCordonAsync(new NodeCordonRequest { Name = "vega", Cordoned = true }, o)),
        ("NodeSet", async (m, o) => await m.NodeSetAsync(new NodeSetRequest { Name = "vega", Role = "edge" }, o)),
        ("NodeRemove", async (m, o) => await m.NodeRemoveAsync(new NodeRemoveRequest { Name = "vega" }, o)),
        ("OperatorAdd", async (m, o) => await m.OperatorAddAsync(new OperatorAddRequest { Name = "bob", Role = "read" }, o)),
        ("OperatorRemove", async (m, o) => await m.OperatorRemoveAsync(new OperatorRemoveRequest { Name = "bob" }, o)),
    ];

    // Push and Pull: FileTransferTests, against a real agent; Pull only reads. Sync and what a restored master asks for have tests of their own.
    private static readonly HashSet<string> Elsewhere = ["Push", "Pull", "Sync", "AcceptMissing"];

    // Their messages are fixed and their work is not built; each must still say so.
    private static readonly HashSet<string> NotBuilt =
        ["Migrate", "LoadImage", "CertImport", "CreateSnapshot", "RestoreSnapshot", "VerifySnapshot", "DownloadSnapshot", "Drill", "Upgrade"];

    [Test]
    public async Task Every_change_of_the_master_asked_ten_times_at_once_and_again_is_made_once()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        foreach (var (method, call) in OfMaster)
        {
            var id = OperationId.New(TimeProvider.System).Value;
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => call(bench.Admin, MasterBench.Operation(id))));
            var after = await StateAsync(bench);
            var again = await call(bench.Admin, MasterBench.Operation(id));
            await Assert.That(await StateAsync(bench)).IsEqualTo(after).Because($"{method} again changed something");
            await Assert.That(answers.Append(again).Select(Plain).Distinct().Count()).IsEqualTo(1).Because($"{method}: {string.Join('\n', answers.Append(again).Select(Plain).Distinct())}");
        }
        await Assert.That(agent.Deploys.Select(d => d.Operation).Distinct().Count()).IsEqualTo(agent.Deploys.Count);
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["wiki"]);
    }

    [Test]
    public async Task No_changing_method_of_the_master_is_forgotten()
    {
        var known = OfMaster.Select(m => m.Method).Concat(Elsewhere).Concat(NotBuilt).ToHashSet();
        var changing = Changing(McpMasterService.Descriptor, MasterMethods.Table);
        await Assert.That(changing.Where(m => !known.Contains(m))).IsEmpty();
        await Assert.That(known.Where(m => !changing.Contains(m))).IsEmpty();
        // Journalled by their own tests: an agent speaks of its own node alone, and a token joins once.
        await Assert.That(MasterMethods.Table.Rules.Where(r => r.Audited && r.Access is not (Access.Reading or Access.Changing or Access.Administration)).Select(r => r.Method[(r.Method.IndexOf('/') + 1)..]))
            .IsEquivalentTo(["Register", "ReportActions", "IssueCertificate", "RenewIdentity", "Join"]);
    }

    [Test]
    public async Task Every_change_of_an_agent_under_one_id_has_one_outcome()
    {
        await using var agent = await RealAgent.StartAsync();
        var spec = MasterBench.Spec("notes");
        var calls = new Dictionary<string, Func<CallOptions, Task<IMessage>>>
        {
            ["Deploy"] = async o =>
            {
                using var call = agent.Local.Deploy(new AgentDeployRequest { Spec = spec, Epoch = 1, VolumeId = "v" }, o);
                IMessage last = new AgentDeployEvent();
                await foreach (var happened in call.ResponseStream.ReadAllAsync())
                    last = happened;
                return last;
            },
            ["UndeployService"] = async o => await agent.Local.UndeployServiceAsync(new UndeployServiceRequest { Service = "notes" }, o),
            ["StopService"] = async o => await agent.Local.StopServiceAsync(new StopServiceRequest { Service = "notes" }, o),
            ["StartService"] = async o => await agent.Local.StartServiceAsync(new StartServiceRequest { Service = "notes" }, o),
            ["RestartService"] = async o => await agent.Local.RestartServiceAsync(new RestartServiceRequest { Service = "notes" }, o),
            ["AdoptContainers"] = async o => await agent.Local.AdoptContainersAsync(new AdoptContainersRequest { Spec = spec }, o),
            ["PurgeComponent"] = async o => await agent.Local.PurgeComponentAsync(new PurgeComponentRequest { Service = "notes" }, o),
            ["AcceptData"] = async o => await agent.Local.AcceptDataAsync(new AcceptDataRequest { Service = "wiki" }, o),
            ["PurgeData"] = async o => await agent.Local.PurgeDataAsync(new PurgeDataRequest { Service = "wiki" }, o),
        };
        var changing = Changing(McpAgentService.Descriptor, AgentMethods.Table);
        await Assert.That(changing).IsEquivalentTo(calls.Keys.Concat(["PushFile", "PullFile", "LoadImage"]));

        Directory.CreateDirectory(Path.Combine(agent.DataRoot, "wiki"));
        await File.WriteAllTextAsync(Path.Combine(agent.DataRoot, "wiki", "page"), "x");
        foreach (var (method, call) in calls)
        {
            var id = OperationId.New(TimeProvider.System).Value;
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => OutcomeAsync(call, id)));
            var again = await OutcomeAsync(call, id);
            await Assert.That(outcomes.Append(again).Distinct().Count()).IsEqualTo(1).Because($"{method}: {string.Join('\n', outcomes.Append(again).Distinct())}");
            var row = await agent.Local.GetOperationAsync(new GetOperationRequest { Operation = id });
            await Assert.That(row.Known).IsTrue().Because(method);
        }
        await Assert.That(Directory.Exists(Path.Combine(agent.DataRoot, "wiki"))).IsFalse();
    }

    private static async Task<string> OutcomeAsync(Func<CallOptions, Task<IMessage>> call, string id)
    {
        try
        {
            return Plain(await call(MasterBench.Operation(id)));
        }
        catch (McpException e)
        {
            return $"{e.Code}: {e.Message}";
        }
    }

    private static List<string> Changing(ServiceDescriptor service, AuthorizationTable table) =>
        [.. service.Methods.Where(m => table.Find($"{service.FullName}/{m.Name}") is { Audited: true, Access: Access.Changing or Access.Administration }).Select(m => m.Name)];

    // An answer that is given again says so, and that is the only difference.
    private static string Plain(IMessage answer)
    {
        var text = JsonFormatter.Default.Format(answer);
        return text.Replace("\"alreadyDone\": true, ", "", StringComparison.Ordinal).Replace(", \"alreadyDone\": true", "", StringComparison.Ordinal).Replace("\"alreadyDone\": true", "", StringComparison.Ordinal);
    }

    private static async Task<string> StateAsync(MasterBench bench)
    {
        var nodes = (await bench.Admin.ListNodesAsync(new ListNodesRequest())).Nodes.Select(n => $"{n.Name} {n.Role} {n.Cordoned} {n.Joined}");
        var people = (await bench.Admin.OperatorListAsync(new OperatorListRequest())).Operators.Select(o => $"{o.Name} {o.Role} {o.State}");
        var services = (await bench.Admin.ListAsync(new ListRequest())).Services.Select(s => s.ToString());
        var data = (await bench.Admin.DataListAsync(new DataListRequest())).Records.Select(r => r.ToString());
        using var events = bench.Admin.Events(new EventsRequest());
        var happened = await events.ResponseStream.ReadAllAsync().Select(e => $"{e.Kind} {e.Service}").ToListAsync();
        return string.Join('\n', [.. nodes, .. people, .. services, .. data, .. happened]);
    }
}
