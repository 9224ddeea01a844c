using Google.Protobuf;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.V1;

namespace Mcp.Tests.Master;

/// <summary>Operations that a killed master left open: whatever their kind, the next start settles them by the agent's word and says so.</summary>
public class SettlingTests
{
    [Test]
    [Arguments("deploy", "succeeded")]
    [Arguments("deploy", "put-back")]
    [Arguments("deploy", "")]
    [Arguments("rollback", "succeeded")]
    [Arguments("undeploy", "succeeded")]
    [Arguments("undeploy", "failed")]
    [Arguments("start", "succeeded")]
    [Arguments("stop", "succeeded")]
    [Arguments("stop", "")]
    [Arguments("restart", "failed")]
    public async Task An_open_operation_is_settled_and_told(string kind, string agentSays)
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var operation = MasterBenchOperation();
        await bench.RestartAsync(() =>
        {
            var deploy = new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=1")) };
            IMessage request = kind switch
            {
                "deploy" or "rollback" => deploy,
                "undeploy" => new UndeployRequest { ServiceName = "notes" },
                _ => new LifecycleRequest { ServiceName = "notes" },
            };
            using (var database = Mcp.Master.MasterDatabase.Open(bench.Configuration.Database, TimeProvider.System))
            {
                database.Write(c =>
                {
                    OperationStore.Begin(c, new OperationRow
                    {
                        Id = operation,
                        Kind = kind,
                        Service = "notes",
                        Node = "orion",
                        Principal = "human/alice",
                        RequestKey = "k",
                        Request = request.ToByteArray(),
                        State = "running",
                        Started = "2026-04-01T00:00:00Z",
                    });
                    OperationStore.Calling(c, operation, "orion", kind);
                });
            }
            if (agentSays.Length > 0)
                orion.Remember(operation, "notes", agentSays, request is DeployRequest && agentSays == "succeeded" ? orion.Do(new AgentDeployRequest { Spec = deploy.Service, SeenGeneration = 1, Epoch = 1, VolumeId = "v" }) : null);
            return Task.CompletedTask;
        });
        var row = bench.Host.Parts.Database.Read(c => OperationStore.Find(c, operation))!;
        await Assert.That(row.State).IsEqualTo(agentSays is "" ? "failed" : agentSays);
        var told = bench.Host.Parts.Database.Read(c => EventStore.After(c, 0, new EventsRequest(), 1000)).Single(e => e.Kind == "operation-settled");
        await Assert.That((told.Operation, told.Service, told.Node)).IsEqualTo((operation, "notes", "orion"));
        await Assert.That(told.Message).Contains($"the {kind} of notes");
    }

    private static string MasterBenchOperation() => Mcp.Names.OperationId.New(TimeProvider.System).Value;
}
