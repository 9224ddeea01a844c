using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.AspNetCore.Builder;

namespace Mcp.Tests.Transport;

/// <summary>
/// Every method of every service × every kind of caller, over real TLS. What is expected is written down here a second time, by hand from the
/// contract; nothing of it comes from the production tables. A method that is not in the lists below fails the test.
/// </summary>
internal sealed class AuthorizationMatrixTests
{
    // '.' reaches the service, U Unauthenticated, P PermissionDenied.
    // Callers, in this order:
    private static readonly string[] Callers =
    [
        "none", "other CA", "agent of this node", "agent of another", "agent not listed", "admin", "deploy", "deploy: this service", "deploy: another service",
        "read", "no operator", "master", "revoked human", "revoked agent", "expired human", "long expired human", "expired agent", "local",
    ];

    // A request about the service "notes", or from the node "orion".
    private static readonly Dictionary<string, string> Outcomes = new()
    {
        //                      none otherCA own other unlisted admin deploy this another read nobody master rHuman rAgent eHuman eeHuman eAgent local
        ["known"] = "U    U       .   .     .        .     .      .    .       .    .      .      U      U      U      U       U      .",
        ["reading"] = "U    U       P   P     P        .     .      .    .       .    P      .      U      U      U      U       U      .",
        ["reading agent"] = "U    U       P   P     P        .     .      .    .       P    P      .      U      U      U      U       U      .",
        ["changing"] = "U    U       P   P     P        .     .      .    P       P    P      .      U      U      U      U       U      .",
        ["changing any"] = "U    U       P   P     P        .     .      P    P       P    P      .      U      U      U      U       U      .",
        ["admin"] = "U    U       P   P     P        .     P      P    P       P    P      .      U      U      U      U       U      .",
        ["master"] = "U    U       P   P     P        P     P      P    P       P    P      .      U      U      U      U       U      P",
        ["own node"] = "U    U       .   P     P        P     P      P    P       P    P      P      U      U      U      U       U      P",
        ["own node unnamed"] = "U    U       .   .     P        P     P      P    P       P    P      P      U      U      U      U       U      P",
        ["self"] = "U    U       .   .     P        .     .      .    .       .    P      .      U      U      .      U       .      P",
        ["anybody"] = ".    .       .   .     .        .     .      .    .       .    .      .      .      .      .      .       .      .",
    };

    private static readonly Dictionary<string, string> Master = Lists(
        ("changing", "Deploy Undeploy Start Stop Restart Rollback Migrate Adopt Purge Push Pull CreateSnapshot RestoreSnapshot VerifySnapshot DownloadSnapshot Drill"),
        ("changing any", "Sync LoadImage"),
        ("reading", "Status List Ps GetService History Logs Events Watch ListOperations RouteList EdgeList EdgeStatus DnsList CertList ListSnapshots DataList ListNodes OperatorList"),
        ("admin", "CertImport DataAccept DataPurge NodeAdd NodeRemove NodeCordon NodeSet AcceptMissing OperatorAdd OperatorRemove Upgrade"),
        ("own node", "Register Heartbeat"),
        ("own node unnamed", "ReportActions IssueCertificate"),
        ("self", "RenewIdentity"),
        ("anybody", "Join FleetRoot"));

    private static readonly Dictionary<string, string> Agent = Lists(
        ("changing", "Deploy UndeployService StopService StartService RestartService AdoptContainers PurgeComponent PushFile PullFile"),
        ("changing any", "LoadImage"),
        ("reading agent", "ListServices GetServiceStatus LiveCheck NodeStatus Logs Events GetOperation Watch History ListData"),
        ("admin", "AcceptData PurgeData"),
        ("master", "HealthCheck SetupEdgeRoute RemoveEdgeRoute ListEdgeRoutes InspectData ExportServiceData ImportServiceData RevertImport SetDataAside TakeBackData DrillService Upgrade"));

    private static readonly Dictionary<string, string> Health = Lists(("known", "Check Watch"));

    // Requests that name the service "notes" or the node "orion"; the others are empty.
    private static readonly Dictionary<string, IMessage> Requests = new()
    {
        ["McpMasterService/Deploy"] = new DeployRequest { Service = new() { Name = "notes" } },
        ["McpMasterService/Undeploy"] = new UndeployRequest { ServiceName = "notes" },
        ["McpMasterService/Start"] = new LifecycleRequest { ServiceName = "notes" },
        ["McpMasterService/Stop"] = new LifecycleRequest { ServiceName = "notes" },
        ["McpMasterService/Restart"] = new LifecycleRequest { ServiceName = "notes" },
        ["McpMasterService/Rollback"] = new RollbackRequest { ServiceName = "notes" },
        ["McpMasterService/Migrate"] = new MigrateRequest { ServiceName = "notes" },
        ["McpMasterService/Adopt"] = new AdoptRequest { ServiceName = "notes" },
        ["McpMasterService/Purge"] = new PurgeRequest { ServiceName = "notes" },
        ["McpMasterService/Push"] = new FileWrite { Start = new() { Service = "notes" } },
        ["McpMasterService/Pull"] = new FileRead { Service = "notes" },
        ["McpMasterService/CreateSnapshot"] = new CreateSnapshotRequest { ServiceName = "notes" },
        ["McpMasterService/RestoreSnapshot"] = new RestoreSnapshotRequest { ServiceName = "notes" },
        ["McpMasterService/VerifySnapshot"] = new VerifySnapshotRequest { ServiceName = "notes" },
        ["McpMasterService/DownloadSnapshot"] = new DownloadSnapshotRequest { ServiceName = "notes" },
        ["McpMasterService/Drill"] = new DrillRequest { ServiceName = "notes" },
        ["McpMasterService/Register"] = new RegisterRequest { Name = "orion" },
        ["McpMasterService/Heartbeat"] = new HeartbeatRequest { Name = "orion" },
        ["McpAgentService/Deploy"] = new AgentDeployRequest { Spec = new() { Name = "notes" } },
        ["McpAgentService/UndeployService"] = new UndeployServiceRequest { Service = "notes" },
        ["McpAgentService/StopService"] = new StopServiceRequest { Service = "notes" },
        ["McpAgentService/StartService"] = new StartServiceRequest { Service = "notes" },
        ["McpAgentService/RestartService"] = new RestartServiceRequest { Service = "notes" },
        ["McpAgentService/AdoptContainers"] = new AdoptContainersRequest { Spec = new() { Name = "notes" } },
        ["McpAgentService/PurgeComponent"] = new PurgeComponentRequest { Service = "notes" },
        ["McpAgentService/PushFile"] = new FileWrite { Start = new() { Service = "notes" } },
        ["McpAgentService/PullFile"] = new FileRead { Service = "notes" },
    };

    [Test]
    public Task Master_methods() => CheckAsync("master/mcp-master", MasterMethods.Table, McpMasterService.Descriptor, Master,
        e => e.MapGrpcService<BareMaster>(), []);

    [Test]
    public Task Agent_methods() => CheckAsync("agent/orion", AgentMethods.Table, McpAgentService.Descriptor, Agent,
        e => e.MapGrpcService<BareAgent>(), []);

    [Test]
    public Task Health_methods() => CheckAsync("agent/orion", AgentMethods.Table, Grpc.Health.V1.HealthReflection.Descriptor.Services.Single(), Health,
        e => e.MapGrpcService<BareAgent>(), ["Check", "Watch"]);

    [Test]
    public async Task A_method_without_a_rule_stops_the_start()
    {
        using var fleet = new TestFleet();
        var table = new AuthorizationTable(HumanRole.Deploy, AgentMethods.Table.Rules.Where(r => !r.Method.EndsWith("/Upgrade", StringComparison.Ordinal) && !r.Method.StartsWith("grpc.", StringComparison.Ordinal)));
        var refused = await Assert.That(() => RoleServer.Build(TestServer.Options(fleet, "agent/orion", table, e => e.MapGrpcService<BareAgent>()))).Throws<McpException>();
        await Assert.That(refused!.Message).Contains("mcp.v1.McpAgentService/Upgrade");
    }

    [Test]
    public async Task The_tables_hold_no_rule_for_a_method_that_does_not_exist()
    {
        var real = new[] { McpMasterService.Descriptor, McpAgentService.Descriptor, Grpc.Health.V1.HealthReflection.Descriptor.Services.Single() }
            .SelectMany(s => s.Methods).Select(m => $"{m.Service.FullName}/{m.Name}").ToHashSet();
        var ruled = MasterMethods.Table.Rules.Concat(AgentMethods.Table.Rules).Select(r => r.Method).Distinct();
        await Assert.That(ruled.Where(m => !real.Contains(m))).IsEmpty();
    }

    private static async Task CheckAsync(
        string identity, AuthorizationTable table, ServiceDescriptor service, Dictionary<string, string> classes,
        Action<Microsoft.AspNetCore.Routing.IEndpointRouteBuilder> map, string[] answers)
    {
        using var fleet = new TestFleet();
        using var otherFleet = new TestFleet();
        using var folder = new TemporaryFolder();
        await using var server = await TestServer.StartAsync(TestServer.Options(fleet, identity, table, map, socket: folder["s"]));
        using var local = UnixChannel.Open(folder["s"]);
        var credentials = new Dictionary<string, Mcp.Certificates.CredentialSource?>
        {
            ["none"] = null,
            ["other CA"] = otherFleet.Issue("human/admin"),
            ["agent of this node"] = fleet.Issue("agent/orion"),
            ["agent of another"] = fleet.Issue("agent/vega"),
            ["agent not listed"] = fleet.Issue("agent/ghost"),
            ["admin"] = fleet.Issue("human/admin"),
            ["deploy"] = fleet.Issue("human/deploy"),
            ["deploy: this service"] = fleet.Issue("human/scoped"),
            ["deploy: another service"] = fleet.Issue("human/elsewhere"),
            ["read"] = fleet.Issue("human/read"),
            ["no operator"] = fleet.Issue("human/nobody"),
            ["master"] = fleet.Issue("master/mcp-master"),
            ["revoked human"] = fleet.Issue("human/gone"),
            ["revoked agent"] = fleet.Issue("agent/gone"),
            ["expired human"] = fleet.Issue("human/late", daysAgo: 100),
            ["long expired human"] = fleet.Issue("human/toolate", daysAgo: 130),
            ["expired agent"] = fleet.Issue("agent/late", daysAgo: 395),
        };
        var wrong = new List<string>();
        for (var c = 0; c < Callers.Length; c++)
        {
            using var channel = Callers[c] == "local" ? null : fleet.Call(server, identity, credentials[Callers[c]]);
            var invoker = channel?.CreateCallInvoker() ?? local.CreateCallInvoker();
            foreach (var method in service.Methods)
            {
                if (!classes.TryGetValue(method.Name, out var name))
                {
                    wrong.Add($"{method.Name}: nobody has written down who may call it");
                    continue;
                }
                var expected = Outcomes[name].Split(' ', StringSplitOptions.RemoveEmptyEntries)[c];
                var got = await CallAsync(invoker, method);
                var reached = answers.Contains(method.Name) ? "OK" : "Unimplemented";
                var wanted = expected switch { "U" => "Unauthenticated", "P" => "PermissionDenied", _ => reached };
                if (got != wanted)
                    wrong.Add($"{method.Name} by {Callers[c]}: {got}, expected {wanted}");
            }
        }
        await Assert.That(string.Join("\n", wrong)).IsEqualTo("");
        await Assert.That(classes.Keys.Except(service.Methods.Select(m => m.Name))).IsEmpty();
    }

    private static async Task<string> CallAsync(CallInvoker invoker, MethodDescriptor method)
    {
        var request = Requests.TryGetValue($"{method.Service.Name}/{method.Name}", out var message) ? message.ToByteArray() : [];
        var raw = Marshallers.Create(b => b, b => b);
        var type = (method.IsClientStreaming, method.IsServerStreaming) switch
        {
            (false, false) => MethodType.Unary,
            (false, true) => MethodType.ServerStreaming,
            (true, false) => MethodType.ClientStreaming,
            _ => MethodType.DuplexStreaming,
        };
        var definition = new Method<byte[], byte[]>(type, method.Service.FullName, method.Name, raw, raw);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var options = new CallOptions(cancellationToken: limit.Token);
        try
        {
            switch (type)
            {
                case MethodType.Unary:
                    await invoker.AsyncUnaryCall(definition, null, options, request);
                    break;
                case MethodType.ServerStreaming:
                    using (var call = invoker.AsyncServerStreamingCall(definition, null, options, request))
                        await call.ResponseStream.MoveNext(limit.Token);
                    break;
                case MethodType.ClientStreaming:
                    using (var call = invoker.AsyncClientStreamingCall(definition, null, options))
                    {
                        await SendAsync(call.RequestStream, request);
                        await call.ResponseAsync;
                    }
                    break;
                default:
                    using (var call = invoker.AsyncDuplexStreamingCall(definition, null, options))
                    {
                        await SendAsync(call.RequestStream, request);
                        await call.ResponseStream.MoveNext(limit.Token);
                    }
                    break;
            }
            return "OK";
        }
        catch (McpException e)
        {
            return e.Code.ToString();
        }
    }

    private static async Task SendAsync(IClientStreamWriter<byte[]> stream, byte[] request)
    {
        try
        {
            await stream.WriteAsync(request);
            await stream.CompleteAsync();
        }
        catch (Exception e) when (e is McpException or InvalidOperationException)
        {
            // Refused before everything was sent; the answer says why.
        }
    }

    private static Dictionary<string, string> Lists(params (string Class, string Methods)[] lists) =>
        lists.SelectMany(l => l.Methods.Split(' ').Select(m => (m, l.Class))).ToDictionary(p => p.m, p => p.Class);
}

/// <summary>Answers Unimplemented, without a detail, to whatever reaches it.</summary>
internal sealed class BareMaster : McpMasterService.McpMasterServiceBase;

/// <summary>Answers Unimplemented, without a detail, to whatever reaches it.</summary>
internal sealed class BareAgent : McpAgentService.McpAgentServiceBase;
