using System.Net;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

public sealed class LoginTests : IAsyncLifetime
{
    private static readonly byte[] _call = Repository.Vector("requests/host_firmware_version.xml");
    private WebNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await WebNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Theory]
    [InlineData(null)]
    [InlineData("hasync:wrong")]
    [InlineData("nobody:ha sync+p@ss/1")]
    [InlineData("hasync")]
    [InlineData(":")]
    public async Task Wrong_credentials_are_a_fault_of_one_text(string? credentials)
    {
        Assert.Equal(XmlRpcFault.BadPassword, (await _node.CallAsync(_call, credentials)).Fault);
        Assert.Empty(_node.Daemon.Of("config-version"));
    }

    [Fact]
    public async Task Right_credentials_are_let_in() => Assert.NotNull((await _node.CallAsync(_call)).Value);

    [Fact]
    public async Task An_account_without_the_privilege_is_told_so()
    {
        Assert.Equal(XmlRpcFault.NoPrivilege, (await _node.CallAsync(_call, "bob:bob-pw")).Fault);
        Assert.Equal("system-xmlrpc-ha-sync", _node.Daemon.Of("auth").Single().Line.Auth!.Privilege);
    }

    [Fact]
    public async Task No_byte_of_the_body_is_read_for_who_may_not()
    {
        // A body that would be refused for its size is not even looked at.
        var response = await _node.CallAsync("<!DOCTYPE x>"u8.ToArray(), "hasync:wrong");
        Assert.Equal(XmlRpcFault.BadPassword, response.Fault);
        Assert.Contains(
            _node.Log,
            l => l.Contains("fault -1", StringComparison.Ordinal) && l.EndsWith(" 0 bytes", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_source_that_guesses_is_made_to_wait_and_the_daemon_left_alone()
    {
        for (var guess = 0; guess < 12; guess++)
            Assert.Equal(XmlRpcFault.BadPassword, (await _node.CallAsync(_call, $"hasync:{guess}")).Fault);
        // Three are free; the fourth has to wait for a second, and so have all that follow within it.
        Assert.InRange(_node.Daemon.Of("auth").Count(), 4, 6);
        Assert.Equal(XmlRpcFault.BadPassword, (await _node.CallAsync(_call)).Fault);
        Assert.Contains(_node.Log, l => l.Contains("too many tries", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_daemon_can_make_a_source_wait()
    {
        _node.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.Auth ? (ControlReply.Error("wait") with { RetryAfterMs = 60_000 }, null) : null
            );
        for (var guess = 0; guess < 5; guess++)
            await _node.CallAsync(_call, "hasync:x");
        Assert.Single(_node.Daemon.Of("auth"));
    }

    [Fact]
    public async Task Requests_that_bring_the_same_credentials_at_once_are_judged_once()
    {
        var release = new TaskCompletionSource();
        _node.Daemon.Answer = async request =>
        {
            if (request.Verb != "auth")
                return null;
            await release.Task;
            return (new ControlReply { Ok = true }, null);
        };
        var calls = Enumerable.Range(0, 10).Select(_ => _node.CallAsync(_call)).ToList();
        while (!_node.Daemon.Of("auth").Any())
            await Task.Yield();
        release.SetResult();
        foreach (var call in calls)
            Assert.NotNull((await call).Value);
        Assert.InRange(_node.Daemon.Of("auth").Count(), 1, 9);
    }

    [Fact]
    public async Task Without_a_daemon_nobody_is_let_in()
    {
        await _node.Daemon.DisposeAsync();
        Assert.Equal(XmlRpcFault.RefusedCode, (await _node.CallAsync(_call)).Fault!.Code);
        using var page = await _node.PostAsync(_call);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
    }
}
