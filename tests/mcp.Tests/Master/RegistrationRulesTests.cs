using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.V1;

namespace Mcp.Tests.Master;

public class RegistrationRulesTests
{
    [Test]
    [Arguments("10.0.0.7:9444", "10.0.0.7:9444")]
    [Arguments("[fd00::7]:9444", "[fd00::7]:9444")]
    [Arguments("[FD00:0:0::7]:9444", "[fd00::7]:9444")]
    public async Task An_address_is_taken_in_its_one_form(string said, string taken) =>
        await Assert.That(RegistrationRules.Check(Request(r => r.Address = said), Facts())).IsEqualTo(taken);

    [Test]
    [Arguments("127.0.0.1:9444")]
    [Arguments("[::1]:9444")]
    [Arguments("10.0.0.7")]
    [Arguments("10.0.0.7:0")]
    [Arguments("10.0.0.7:65536")]
    [Arguments("10.0.0.7:-1")]
    [Arguments("10.0.0.7: 9444")]
    [Arguments("node.example:9444")]
    [Arguments("10.7:9444")]
    [Arguments("0x0a000007:9444")]
    [Arguments("010.0.0.7:9444")]
    [Arguments("[fe80::1%eth0]:9444")]
    [Arguments("[fe80::1]:9444")]
    [Arguments("[::ffff:10.0.0.7]:9444")]
    [Arguments("fd00::7:9444")]
    [Arguments("0.0.0.0:9444")]
    [Arguments("224.0.0.1:9444")]
    [Arguments("169.254.1.1:9444")]
    [Arguments("")]
    public async Task Addresses_that_cannot_be_right_are_refused(string address) =>
        await Assert.That(Refusal(Request(r => r.Address = address), Facts())).IsEqualTo(FaultCode.InvalidArgument);

    [Test]
    public async Task An_address_of_another_node_is_refused() =>
        await Assert.That(Refusal(Request(), Facts() with { AddressOwner = "vega" })).IsEqualTo(FaultCode.InvalidArgument);

    [Test]
    public async Task Loopback_is_for_a_fleet_that_is_one_machine() =>
        await Assert.That(RegistrationRules.Check(Request(r => r.Address = "127.0.0.1:9444"), Facts() with { LoopbackAllowed = true })).IsEqualTo("127.0.0.1:9444");

    [Test]
    public async Task An_address_outside_of_the_fleets_networks_is_refused()
    {
        var facts = Facts() with { Cidrs = ["100.64.0.0/10"] };
        await Assert.That(Refusal(Request(), facts)).IsEqualTo(FaultCode.InvalidArgument);
        await Assert.That(RegistrationRules.Check(Request(r => r.Address = "100.64.1.2:9444"), facts)).IsEqualTo("100.64.1.2:9444");
    }

    [Test]
    public async Task An_address_that_the_operator_gave_counts() =>
        await Assert.That(RegistrationRules.Check(Request(r => r.Address = "10.9.9.9:1"), Facts() with { Node = Node() with { Fixed = true, Address = "10.0.0.5:9444" } })).IsEqualTo("10.0.0.5:9444");

    [Test]
    [Arguments("vega")]
    [Arguments("Orion")]
    [Arguments("orion ")]
    [Arguments("agent-")]
    [Arguments("xn--orion")]
    [Arguments("")]
    public async Task A_name_that_is_not_the_identitys_is_refused(string name) => await Assert.That(Refusal(Request(r => r.Name = name), Facts())).IsEqualTo(FaultCode.PermissionDenied);

    [Test]
    [Arguments("master")]
    [Arguments("edge")]
    public async Task A_worker_does_not_make_itself_more(string role) => await Assert.That(Refusal(Request(r => r.Role = role), Facts())).IsEqualTo(FaultCode.PermissionDenied);

    [Test]
    public async Task Beyond_the_fleets_limit_it_is_full() =>
        await Assert.That(Refusal(Request(), Facts() with { RegisteredOthers = 16 })).IsEqualTo(FaultCode.ResourceExhausted);

    [Test]
    public async Task A_million_services_are_refused() =>
        await Assert.That(Refusal(Request(r => r.Services.AddRange(Enumerable.Range(0, 1001).Select(i => new OwnedService { Name = $"s{i}" }))), Facts())).IsEqualTo(FaultCode.InvalidArgument);

    [Test]
    public async Task Heartbeats_with_numbers_that_no_machine_has_are_refused()
    {
        RegistrationRules.Check(new HeartbeatRequest { CpuMillicores = 64_000, MemoryBytes = 1UL << 40, DiskBytes = 1UL << 45, Containers = 300 });
        foreach (var beat in new[]
        {
            new HeartbeatRequest { CpuMillicores = 1UL << 63 }, new HeartbeatRequest { MemoryBytes = ulong.MaxValue }, new HeartbeatRequest { DiskBytes = 1UL << 63 },
            new HeartbeatRequest { Containers = 1_000_000 }, new HeartbeatRequest { Services = uint.MaxValue },
        })
        {
            await Assert.That(Assert.Throws<McpException>(() => RegistrationRules.Check(beat))!.Code).IsEqualTo(FaultCode.InvalidArgument);
        }
    }

    private static FaultCode Refusal(RegisterRequest request, RegistrationFacts facts) => Assert.Throws<McpException>(() => RegistrationRules.Check(request, facts))!.Code;

    private static RegisterRequest Request(Action<RegisterRequest>? change = null)
    {
        var request = new RegisterRequest { Name = "orion", Role = "worker", Address = "10.0.0.7:9444" };
        change?.Invoke(request);
        return request;
    }

    private static NodeRow Node() => new("orion", "worker", "", false, false, null, "x64", "1");

    private static RegistrationFacts Facts() => new(Node(), null, 3, 16, false, []);
}
